# SPDX-License-Identifier: Apache-2.0


"""Tests of the SNMP driver against snmpd with rows that return genErr.

The faulty rows are proxies to an agent that does not respond: snmpd then
returns genErr for them, as for a PDU's outlet module that is broken.
"""

import typing

from oslotest import base
import testscenarios

from energy_meter import exception
from energy_meter.drivers import snmp
from energy_meter.tests import drivers
from energy_meter.tests.functional.drivers import test_snmp
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import snmpd

#: Maximum number of requests to list or read four outlets of which one fails.
MAX_REQUESTS = 60


def faulty(*oids: str) -> list[str]:
    """Return settings of a device on which objects return genErr."""
    port = services.free_port()
    return [
        f'proxy -v 2c -c none -t 0.01 -r 0 127.0.0.1:{port} .{oid}'
        for oid in oids
    ]


class RowErrorTest(testscenarios.WithScenarios, base.BaseTestCase):
    scenarios: typing.ClassVar = test_snmp.SNMPTest.scenarios
    engine: str

    def serve(
        self, outlets: dict[str, snmpd.Value], *failed: str
    ) -> snmpd.Snmpd:
        objects = {
            oid: value for oid, value in outlets.items() if oid not in failed
        }
        return self.useFixture(snmpd.Snmpd(objects, *faulty(*failed)))

    def connect(
        self, server: typing.Any, *probes: str, **options: typing.Any
    ) -> snmp.SNMP:
        meter = drivers.make(
            snmp.SNMP,
            *probes,
            **{
                'host': '127.0.0.1',
                'port': server.port,
                'profile': 'eaton-g3',
                'community': snmpd.READ_COMMUNITY,
                'timeout': 5.0,
                'retries': 0,
                'engine': self.engine,
            }
            | options,
        )
        self.addCleanup(meter.close)
        meter.open()
        return meter

    def read(self, meter: snmp.SNMP) -> dict[str, tuple[typing.Any, ...]]:
        return {
            reading.probe: (reading.watts, reading.ticks)
            for reading in meter.read()
        }

    def test_failing_row_costs_only_its_probe(self):
        failed = [f'{test_snmp.WATTS}.2', f'{test_snmp.ENERGY}.2']
        for version in ('1', '2c'):
            server = self.serve(test_snmp.outlets(1, 2, 3, 4), *failed)
            relay = self.useFixture(snmpd.Relay(server.port))

            meter = self.connect(relay, *'abcd', version=version)
            readings = self.read(meter)

            self.assertEqual(
                {'a': (101.0, 1000), 'c': (103.0, 3000), 'd': (104.0, 4000)},
                readings,
            )
            self.assertLess(relay.requests, MAX_REQUESTS)

    def test_failing_row_is_not_requested_again_at_once(self):
        server = self.serve(test_snmp.outlets(1, 2, 3), f'{test_snmp.WATTS}.2')
        relay = self.useFixture(snmpd.Relay(server.port))
        meter = self.connect(relay, *'abc')
        self.read(meter)
        before = relay.requests

        readings = self.read(meter)

        self.assertEqual(1, relay.requests - before)
        self.assertEqual((None, 2000), readings['b'])

    def test_any_row_may_fail_without_names(self):
        # snmpd itself hides a faulty object at the end of a table.
        for number in (1, 2, 3):
            outlets = {
                oid: value
                for oid, value in test_snmp.outlets(1, 2, 3, 4).items()
                if oid.startswith(test_snmp.WATTS)
            }
            server = self.serve(outlets, f'{test_snmp.WATTS}.{number}')

            meter = self.connect(
                server,
                *'abcd',
                profile='custom',
                watts_oid=test_snmp.WATTS,
            )

            self.assertEqual(
                {
                    probe: (100.0 + row, None)
                    for row, probe in enumerate('abcd', 1)
                    if row != number
                },
                self.read(meter),
            )

    def test_row_that_starts_to_fail_costs_only_its_probe(self):
        outlets = test_snmp.outlets(1, 2, 3)
        server = self.serve(outlets)
        meter = self.connect(server, *'abc')
        before = self.read(meter)

        for oid in (f'{test_snmp.WATTS}.1', f'{test_snmp.ENERGY}.1'):
            del server.objects[oid]
            server._settings += tuple(faulty(oid))
        server.restart()

        self.assertEqual(['a', 'b', 'c'], sorted(before))
        self.assertEqual(['b', 'c'], sorted(self.read(meter)))

    def test_device_on_which_all_rows_fail_is_rejected(self):
        outlets = test_snmp.outlets(1, 2)
        failed = [oid for oid in outlets if not oid.startswith(test_snmp.NAME)]
        server = self.serve(outlets, *failed)

        self.assertRaises(
            exception.ProtocolError, self.connect, server, 'a', 'b'
        )
