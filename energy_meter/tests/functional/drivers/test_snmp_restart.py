# SPDX-License-Identifier: Apache-2.0


"""Tests of SNMP devices whose outlets change while they are read."""

import fixtures
from pyasn1.codec.ber import decoder
from pysnmp.proto.api import v2c

from energy_meter import exception
from energy_meter.drivers import snmp
from energy_meter.drivers.snmp import listing
from energy_meter.tests.functional.drivers import test_snmp
from energy_meter.tests.functional.services import snmpd

UPTIME = '1.3.6.1.2.1.1.3.0'

RITTAL = '1.3.6.1.4.1.2606.7.4.2.2.1'


def pdu(uptime: int, *outlets: tuple[str, int]) -> dict[str, snmpd.Value]:
    """Return an Eaton ePDU with outlets that have these names and powers."""
    objects: dict[str, snmpd.Value] = {UPTIME: snmpd.TimeTicks(uptime)}
    for number, (name, watts) in enumerate(outlets, 1):
        objects[f'{test_snmp.NAME}.{number}'] = name
        objects[f'{test_snmp.WATTS}.{number}'] = watts
    return objects


def cmc(
    uptime: int, *variables: tuple[str, int, int]
) -> dict[str, snmpd.Value]:
    """Return a Rittal CMC III with variables: name, factor and value."""
    objects: dict[str, snmpd.Value] = {UPTIME: snmpd.TimeTicks(uptime)}
    for number, (name, factor, value) in enumerate(variables, 1):
        objects[f'{RITTAL}.3.1.{number}'] = name
        objects[f'{RITTAL}.7.1.{number}'] = factor
        objects[f'{RITTAL}.11.1.{number}'] = value
        objects[f'{RITTAL}.14.1.{number}'] = 2
    return objects


class ChangeTest(test_snmp.SNMPTest):
    def start(self, objects: dict[str, snmpd.Value]) -> snmpd.Snmpd:
        return self.useFixture(snmpd.Snmpd(objects))

    def change(
        self, server: snmpd.Snmpd, objects: dict[str, snmpd.Value]
    ) -> None:
        """Restart a device with other objects."""
        server.objects = objects
        server.restart()

    def list_always(self) -> None:
        """List the channels again before each reading."""
        self.useFixture(fixtures.MockPatchObject(listing, 'INTERVAL_S', 0.0))


class RestartTest(ChangeTest):
    def test_named_outlet_is_read_after_outlet_was_added(self):
        server = self.start(pdu(90_000, ('srv-1', 101), ('srv-2', 102)))
        meter = self.connect(
            server.port, 'a', 'b', channels=['srv-1', 'srv-2']
        )
        self.assertEqual({'a': 101.0, 'b': 102.0}, self.watts(meter))

        self.change(
            server, pdu(2000, ('new', 50), ('srv-1', 101), ('srv-2', 102))
        )

        self.assertEqual({'a': 101.0, 'b': 102.0}, self.watts(meter))

    def test_sensor_added_to_rittal_is_not_read_as_power(self):
        power = ('Unit.Power.Active.Value', 10, 164)
        temperature = ('Temperature.Value', -10, 253)
        server = self.start(cmc(90_000, power))
        meter = self.connect(
            server.port, 'a', profile='rittal-cmc3', table='inlets'
        )
        self.assertEqual({'a': 1640.0}, self.watts(meter))

        self.change(server, cmc(2000, temperature, power))

        self.assertEqual({'a': 1640.0}, self.watts(meter))

    def test_restart_is_detected_by_boots_of_version_3(self):
        # The uptime is the same before and after the restart.
        server = self.start(pdu(2000, ('srv-1', 101)))
        for user in (
            test_snmp.ErrorTest.USER | {'retries': 2},
            {'version': '3', 'user': 'noauth'},
        ):
            meter = self.connect(server.port, 'a', channels=['srv-1'], **user)
            self.assertEqual({'a': 101.0}, self.watts(meter))

            self.change(server, pdu(2000, ('new', 50), ('srv-1', 101)))

            self.assertEqual({'a': 101.0}, self.watts(meter))
            self.change(server, pdu(2000, ('srv-1', 101)))

    def test_restart_is_detected_with_version_1(self):
        server = self.start(pdu(90_000, ('srv-1', 101)))
        meter = self.connect(server.port, 'a', channels=['srv-1'], version='1')

        self.change(server, pdu(2000, ('new', 50), ('srv-1', 101)))

        self.assertEqual({'a': 101.0}, self.watts(meter))

    def test_uptime_that_wraps_only_lists_once(self):
        server = self.start(pdu(2**32 - 500, ('srv-1', 101)))
        relay = self.useFixture(snmpd.Relay(server.port))
        meter = self.connect(relay.port, 'a', channels=['srv-1'])

        server.set(UPTIME, snmpd.TimeTicks(500))

        self.assertEqual({'a': 101.0}, self.watts(meter))
        before = relay.requests
        self.assertEqual({'a': 101.0}, self.watts(meter))
        self.assertEqual(1, relay.requests - before)

    def test_outlet_that_is_missing_costs_only_its_probe(self):
        server = self.start(pdu(90_000, ('srv-1', 101), ('srv-2', 102)))
        meter = self.connect(
            server.port, 'a', 'b', channels=['srv-1', 'srv-2']
        )

        self.change(server, pdu(2000, ('new', 50), ('srv-2', 102)))
        without = self.watts(meter)
        self.change(server, pdu(1000, ('srv-1', 101), ('srv-2', 102)))

        self.assertEqual({'b': 102.0}, without)
        self.assertEqual({'a': 101.0, 'b': 102.0}, self.watts(meter))

    def test_device_that_starts_raises_and_is_read_later(self):
        server = self.start(pdu(90_000, ('srv-1', 101)))
        meter = self.connect(server.port, 'a', channels=['srv-1'])

        self.change(server, pdu(2000))
        self.assertRaises(exception.ProtocolError, meter.read)
        self.change(server, pdu(1000, ('new', 50), ('srv-1', 101)))

        meter.close()
        meter.open()
        self.assertEqual({'a': 101.0}, self.watts(meter))


class RenameTest(ChangeTest):
    def test_renamed_outlet_is_followed_at_next_listing(self):
        self.list_always()
        server = self.start(pdu(90_000, ('srv-1', 101), ('srv-2', 102)))
        meter = self.connect(server.port, 'a', channels=['srv-1'])

        server.set(f'{test_snmp.NAME}.1', 'srv-2')
        server.set(f'{test_snmp.NAME}.2', 'srv-1')

        self.assertEqual({'a': 102.0}, self.watts(meter))

    def test_missing_outlet_is_found_without_a_restart(self):
        self.useFixture(
            fixtures.MockPatchObject(listing, 'INCOMPLETE_INTERVAL_S', 0.0)
        )
        server = self.start(pdu(90_000, ('srv-1', 101), ('spare', 0)))
        meter = self.connect(
            server.port, 'a', 'b', channels=['srv-1', 'srv-2']
        )
        self.assertEqual({'a': 101.0}, self.watts(meter))

        server.set(f'{test_snmp.NAME}.2', 'srv-2')
        server.set(f'{test_snmp.WATTS}.2', 102)

        self.assertEqual({'a': 101.0, 'b': 102.0}, self.watts(meter))

    def test_rename_raises_if_probes_may_have_names_of_outlets(self):
        self.list_always()
        server = self.start(pdu(90_000, ('srv-1', 101), ('srv-2', 102)))
        meter = self.connect(server.port, 'srv-1', 'srv-2')

        server.set(f'{test_snmp.NAME}.1', 'new')

        error = self.assertRaises(exception.ProtocolError, meter.read)
        self.assertIn('0.1 of probe srv-1 was renamed', str(error))


class PatternTest(ChangeTest):
    def test_probes_of_a_pattern_skip_no_missing_row(self):
        objects = test_snmp.outlets(1, 3, 4)
        server = self.start(objects)
        lister = self.connect(server.port)
        ids = [f'pdu-{channel.index}' for channel in lister.channels()]

        meter = self.connect(server.port, *ids)

        self.assertEqual(
            {'pdu-0.1': 101.0, 'pdu-0.3': 103.0, 'pdu-0.4': 104.0},
            self.watts(meter),
        )

    def test_channels_have_the_order_of_the_option(self):
        server = self.start(test_snmp.outlets(1, 2, 3))

        meter = self.connect(
            server.port, channels=['0.3', 'missing', 'Outlet 1']
        )

        self.assertEqual(
            [('0.3', 'Outlet 3'), ('missing', None), ('0.1', 'Outlet 1')],
            [(channel.index, channel.name) for channel in meter.channels()],
        )


class CostTest(ChangeTest):
    def read_varbinds(self, relay: snmpd.Relay, meter: snmp.SNMP) -> int:
        """Read once, with one request, and return its number of varbinds."""
        before = relay.requests
        meter.read()
        self.assertEqual(1, relay.requests - before)
        message, _ = decoder.decode(relay.response, asn1Spec=v2c.Message())
        return len(v2c.apiPDU.get_varbinds(v2c.apiMessage.get_pdu(message)))

    def test_healthy_round_has_one_more_varbind(self):
        server = self.start(
            test_snmp.outlets(*range(1, 49))
            | {UPTIME: snmpd.TimeTicks(90_000)}
        )
        relay = self.useFixture(snmpd.Relay(server.port))
        probes = [str(number) for number in range(1, 49)]
        whole = self.connect(relay.port, *probes)
        few = self.connect(relay.port, 'a', *[None] * 46, 'z')

        for _ in range(3):
            self.assertEqual(96 + 1, self.read_varbinds(relay, whole))
            self.assertEqual(4 + 1, self.read_varbinds(relay, few))


class TextTest(ChangeTest):
    def test_numbers_sent_as_text_are_read(self):
        server = self.start(
            {
                f'{test_snmp.WATTS}.1': '101',
                f'{test_snmp.WATTS}.2': '23.4',
                f'{test_snmp.WATTS}.3': '101 W',
                f'{test_snmp.WATTS}.4': 'n/a',
                f'{test_snmp.WATTS}.5': '-1',
                f'{test_snmp.ENERGY}.1': '1000',
                f'{test_snmp.ENERGY}.2': '1000.25',
            }
        )

        meter = self.connect(server.port, *'abcde')

        readings = {reading.probe: reading for reading in meter.read()}
        self.assertEqual(
            {'a': (101.0, 1_000_000), 'b': (23.4, 1_000_250)},
            {
                probe: (reading.watts, reading.ticks)
                for probe, reading in readings.items()
            },
        )
        counter = readings['b'].counter
        self.assertEqual(
            (3.6, 3600.0, 1000 * 2**32),
            (counter.joules_per_tick, counter.resolution, counter.rollover),
        )
