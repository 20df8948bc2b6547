# SPDX-License-Identifier: Apache-2.0


"""Tests of the SNMP driver against snmpd."""

import threading
import typing

from oslotest import base
import testscenarios

from energy_meter import exception
from energy_meter.drivers import snmp
from energy_meter.drivers.snmp import session
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import snmpd

WATTS = '1.3.6.1.4.1.534.6.6.7.6.5.1.3.0'
ENERGY = '1.3.6.1.4.1.534.6.6.7.6.5.1.4.0'
NAME = '1.3.6.1.4.1.534.6.6.7.6.1.1.3.0'

#: Text; truncated BER; BER with a huge length; a message of another version;
#: the response to another request.
NOISE = (
    b'noise',
    bytes.fromhex('302902'),
    bytes.fromhex('3084ffffffff'),
    bytes.fromhex('300b020109040030040201000500'),
    bytes.fromhex(
        '3019020101 0404 72336164 a20e 0204 01020304020100 020100 3000'
    ),
)


def outlets(*numbers: int) -> dict[str, snmpd.Value]:
    """Return outlets of an Eaton ePDU: outlet 1 has 101 W, and so on."""
    objects: dict[str, snmpd.Value] = {}
    for number in numbers:
        objects[f'{WATTS}.{number}'] = 100 + number
        objects[f'{ENERGY}.{number}'] = snmpd.Gauge(1000 * number)
        objects[f'{NAME}.{number}'] = f'Outlet {number}'
    return objects


class SNMPTest(testscenarios.WithScenarios, base.BaseTestCase):
    """Base of tests that must pass with each engine."""

    scenarios: typing.ClassVar = [
        (name, {'engine': name}) for name in session.ENGINES
    ]
    engine: str

    def serve(self, *numbers: int, settings: str = '') -> snmpd.Snmpd:
        return self.useFixture(snmpd.Snmpd(outlets(*numbers), settings))

    def make(
        self, port: int, *probes: str | None, **options: typing.Any
    ) -> snmp.SNMP:
        meter = drivers.make(
            snmp.SNMP,
            *probes,
            **{
                'host': '127.0.0.1',
                'port': port,
                'profile': 'eaton-g3',
                'community': snmpd.READ_COMMUNITY,
                'timeout': 0.5,
                'retries': 2,
                'engine': self.engine,
            }
            | options,
        )
        self.addCleanup(meter.close)
        return meter

    def connect(
        self, port: int, *probes: str | None, **options: typing.Any
    ) -> snmp.SNMP:
        meter = self.make(port, *probes, **options)
        meter.open()
        return meter

    def watts(self, meter: snmp.SNMP) -> dict[str, float | None]:
        return {reading.probe: reading.watts for reading in meter.read()}

    def ticks(self, meter: snmp.SNMP) -> dict[str, int | None]:
        return {reading.probe: reading.ticks for reading in meter.read()}


class ValuesTest(SNMPTest):
    def test_changed_values_are_read(self):
        server = self.serve(1, 2)
        meter = self.connect(server.port, 'a', 'b')

        server.set(f'{WATTS}.2', 777)

        self.assertEqual({'a': 101.0, 'b': 777.0}, self.watts(meter))

    def test_outlets_are_assigned_in_order_of_indexes(self):
        server = self.serve(10, 9, 1, 2, 3, 4, 5, 6, 7, 8)

        meter = self.connect(server.port, 'F1', None, 'F3', *[None] * 6, 'F10')

        self.assertEqual(
            {'F1': 101.0, 'F3': 103.0, 'F10': 110.0}, self.watts(meter)
        )

    def test_missing_row_keeps_assignment(self):
        server = self.serve(1, 3, 4)

        meter = self.connect(server.port, 'F1', 'F2', 'F3', 'F4')

        self.assertEqual(
            {'F1': 101.0, 'F3': 103.0, 'F4': 104.0}, self.watts(meter)
        )

    def test_row_that_appears_is_read(self):
        server = self.serve(1, 3)
        meter = self.connect(server.port, 'F1', 'F2', 'F3')

        server.objects |= outlets(2)
        server.restart()

        self.assertEqual(
            {'F1': 101.0, 'F2': 102.0, 'F3': 103.0}, self.watts(meter)
        )

    def test_removed_outlet_skips_only_its_probe(self):
        server = self.serve(1, 2, 3)
        meter = self.connect(server.port, 'F1', 'F2', 'F3')

        for oid in outlets(2):
            del server.objects[oid]
        server.restart()

        self.assertEqual({'F1': 101.0, 'F3': 103.0}, self.watts(meter))

    def test_named_outlets_are_found_after_renaming(self):
        server = self.serve(1, 2)
        options = {'channels': ['Outlet 2', '0.1']}
        before = self.connect(server.port, 'named', 'numbered', **options)
        self.assertEqual(
            {'named': 102.0, 'numbered': 101.0}, self.watts(before)
        )

        server.set(f'{NAME}.1', 'Outlet 2')
        server.set(f'{NAME}.2', 'Outlet 1')
        after = self.connect(
            server.port,
            'named',
            'numbered',
            **options | {'channels': ['Outlet 2', '0.2']},
        )

        self.assertEqual(
            {'named': 101.0, 'numbered': 102.0}, self.watts(after)
        )

    def test_minus_one_yields_no_value(self):
        server = self.serve(1, 2)
        meter = self.connect(server.port, 'a', 'b')

        server.set(f'{WATTS}.1', -1)

        self.assertEqual({'a': None, 'b': 102.0}, self.watts(meter))
        self.assertEqual({'a': 1000, 'b': 2000}, self.ticks(meter))

    def test_counter_reset_and_rollover_are_reported(self):
        server = self.serve(1)
        meter = self.connect(server.port, 'a')
        readings = []

        for ticks in (4294967295, 3, 0):
            server.set(f'{ENERGY}.1', snmpd.Gauge(ticks))
            readings.append(self.ticks(meter)['a'])

        self.assertEqual([4294967295, 3, 0], readings)

    def test_energy_integrate_does_not_read_counter(self):
        server = self.serve(1)

        meter = self.connect(server.port, 'a', energy='integrate')

        self.assertEqual({'a': None}, self.ticks(meter))

    def test_custom_columns_are_read(self):
        server = self.serve(1)

        meter = self.connect(
            server.port,
            'a',
            profile='custom',
            watts_oid=WATTS[:-2],
            watts_unit='0.1 W',
            energy_oid=ENERGY[:-2],
            energy_unit='0.1 kWh',
            energy_rollover=2**16,
            name_oid=NAME[:-2],
        )

        (reading,) = meter.read()
        self.assertEqual(
            (10.1, 1000, 360e3, 2**16),
            (
                round(reading.watts, 6),
                reading.ticks,
                reading.counter.joules_per_tick,
                reading.counter.rollover,
            ),
        )
        self.assertEqual('Outlet 1', meter.channels()[0].name)


class VersionTest(SNMPTest):
    def test_versions_1_and_2c_are_supported(self):
        server = self.serve(*range(1, 49))
        for version in ('1', '2c'):
            meter = self.connect(
                server.port, *map(str, range(1, 49)), version=version
            )
            self.assertEqual(
                {str(number): 100.0 + number for number in range(1, 49)},
                self.watts(meter),
            )

    def test_version_3_with_each_protocol_is_supported(self):
        server = self.serve(1)
        for user, (auth, priv) in snmpd.USERS.items():
            options = {'version': '3', 'user': user}
            if auth:
                options |= {
                    'auth_protocol': auth.lower().replace('-', ''),
                    'auth_password': snmpd.AUTH_PASSWORD,
                }
            if priv:
                options |= {
                    'priv_protocol': priv.lower().replace('-', ''),
                    'priv_password': snmpd.PRIV_PASSWORD,
                }

            meter = self.connect(server.port, 'a', **options)

            self.assertEqual({'a': 101.0}, self.watts(meter), user)

    def test_same_user_name_with_different_passwords(self):
        # Many sites use the same user name on all devices.
        first = self.serve(1)
        second = self.useFixture(
            snmpd.Snmpd(outlets(1), auth_password='an0ther-s3cret')
        )
        user = {'version': '3', 'user': 'sha'}
        meters = [
            self.connect(
                first.port, 'a', **user, auth_password=snmpd.AUTH_PASSWORD
            ),
            self.connect(
                second.port, 'b', **user, auth_password='an0ther-s3cret'
            ),
        ]

        for _ in range(2):
            self.assertEqual(
                [{'a': 101.0}, {'b': 101.0}],
                [self.watts(meter) for meter in meters],
            )

    def test_version_1_skips_removed_object(self):
        server = self.serve(1, 2, 3)
        meter = self.connect(server.port, 'a', 'b', 'c', version='1')

        del server.objects[f'{WATTS}.1']
        del server.objects[f'{ENERGY}.3']
        server.restart()

        self.assertEqual(
            {'a': None, 'b': 102.0, 'c': 103.0}, self.watts(meter)
        )
        self.assertEqual({'a': 1000, 'b': 2000, 'c': None}, self.ticks(meter))

    def test_ipv6_is_supported(self):
        server = self.serve(1)

        meter = self.connect(
            server.port,
            'a',
            host='::1',
            version='3',
            user='sha',
            auth_password=snmpd.AUTH_PASSWORD,
        )

        self.assertEqual({'a': 101.0}, self.watts(meter))


class ErrorTest(SNMPTest):
    USER: typing.ClassVar = {
        'version': '3',
        'user': 'sha-aes',
        'retries': 0,
        'auth_password': snmpd.AUTH_PASSWORD,
        'priv_password': snmpd.PRIV_PASSWORD,
    }

    def open_error(
        self, error_type: type[Exception], **options: typing.Any
    ) -> str:
        server = self.serve(1)
        meter = self.make(server.port, 'a', **options)
        return str(self.assertRaises(error_type, meter.open))

    def test_wrong_community_is_reported_as_possible_cause(self):
        text = self.open_error(
            exception.DeviceUnreachable, retries=0, community='gue55'
        )

        self.assertIn('community', text)
        self.assertNotIn('gue55', text)

    def test_wrong_auth_password_is_rejected(self):
        text = self.open_error(
            exception.AuthenticationFailed,
            **self.USER | {'auth_password': 'gue55-gue55'},
        )

        self.assertIn('sha-aes', text)
        self.assertNotIn('gue55', text)

    def test_unknown_user_is_rejected(self):
        self.open_error(
            exception.AuthenticationFailed, **self.USER | {'user': 'stranger'}
        )

    def test_missing_encryption_is_rejected(self):
        self.open_error(
            exception.AuthenticationFailed,
            **self.USER | {'priv_password': None},
        )

    def test_wrong_priv_password_is_reported_as_possible_cause(self):
        text = self.open_error(
            exception.DeviceUnreachable,
            **self.USER | {'priv_password': 'gue55-gue55'},
        )

        self.assertIn('priv_password', text)
        self.assertNotIn('gue55', text)

    def test_device_of_other_family_is_rejected(self):
        text = self.open_error(exception.ProtocolError, profile='apc-rpdu2')

        self.assertIn('1.3.6.1.4.1.318.1.1.26.9.4.3.1.7', text)

    def test_unknown_outlet_is_rejected(self):
        text = self.open_error(exception.DriverError, channels=['Outlet 2'])

        self.assertIn("'Outlet 2'", text)
        self.assertIn('0.1 (Outlet 1)', text)

    def test_more_probes_than_channels_are_rejected(self):
        server = self.serve(1)
        meter = self.make(server.port, 'a', 'b')

        text = str(self.assertRaises(exception.DriverError, meter.open))

        self.assertIn('2 probes', text)


class NetworkTest(SNMPTest):
    def test_table_is_read_with_one_request(self):
        server = self.serve(*range(1, 49))
        relay = self.useFixture(snmpd.Relay(server.port))
        meter = self.connect(relay.port, *map(str, range(1, 49)))
        before = relay.requests

        meter.read()

        self.assertEqual(1, relay.requests - before)

    def test_few_outlets_are_read_without_others(self):
        server = self.serve(*range(1, 49))
        relay = self.useFixture(snmpd.Relay(server.port))
        meter = self.connect(relay.port, 'a', *[None] * 46, 'z')
        before = relay.response_bytes

        self.assertEqual({'a': 101.0, 'z': 148.0}, self.watts(meter))

        # Four objects of less than 30 bytes each, and the headers.
        self.assertLess(relay.response_bytes - before, 200)

    def test_device_with_small_message_size_is_read(self):
        # It rejects get requests for 40 objects as tooBig, and truncates bulk
        # responses.
        server = self.serve(
            *range(1, 49), settings='[snmp] sendMessageMaxSize 1000'
        )
        for version in ('1', '2c'):
            meter = self.connect(
                server.port, *map(str, range(1, 49)), version=version
            )
            self.assertEqual(48, len(self.watts(meter)))

    def test_lost_large_responses_reduce_request_size(self):
        server = self.serve(*range(1, 49))
        relay = self.useFixture(snmpd.Relay(server.port))
        relay.max_bytes = 1472

        meter = self.connect(relay.port, *map(str, range(1, 49)), timeout=0.2)

        self.assertEqual(48, len(self.watts(meter)))

    def test_reading_continues_after_device_restart(self):
        server = self.serve(1)
        meter = self.connect(
            server.port, 'a', **ErrorTest.USER | {'retries': 2}
        )
        meter.read()

        server.restart()

        self.assertEqual({'a': 101.0}, self.watts(meter))

    def test_replaced_device_is_read_after_reopening(self):
        server = self.serve(1)
        meter = self.connect(server.port, 'a', **ErrorTest.USER)
        meter.read()

        server.replace()
        self.assertRaises(exception.DeviceUnreachable, meter.read)
        meter.close()
        meter.open()

        self.assertEqual({'a': 101.0}, self.watts(meter))

    def test_unresponsive_device_does_not_delay_others(self):
        dead, alive = self.serve(1), self.serve(1)
        slow_meter = self.connect(dead.port, 'silent', timeout=5.0)
        meter = self.connect(alive.port, 'a')
        dead.pause()
        thread = threading.Thread(target=slow_meter.read)
        thread.start()

        for _ in range(50):
            self.assertEqual({'a': 101.0}, self.watts(meter))

        self.assertTrue(thread.is_alive())
        dead.resume()
        thread.join()

    def threads(self):
        return sum(thread.name == 'snmp' for thread in threading.enumerate())

    def test_all_devices_share_one_thread(self):
        servers = [self.serve(1), self.serve(1)]
        before = self.threads()

        for server in servers:
            self.connect(server.port, 'a')

        needed = {'pysnmp': 1, 'native': before}
        self.assertEqual(needed[self.engine], self.threads())

    def test_malformed_packets_are_ignored(self):
        server = self.serve(1)
        relay = self.useFixture(snmpd.Relay(server.port))
        for options in ({'version': '1'}, {}, ErrorTest.USER):
            meter = self.connect(relay.port, 'a', **options)
            for noise in NOISE:
                relay.noise = noise
                self.assertEqual({'a': 101.0}, self.watts(meter), noise)
            relay.noise = b''

    def test_forged_value_is_not_read(self):
        # Given a device whose responses are signed, but not encrypted,
        server = self.serve(1)
        relay = self.useFixture(snmpd.Relay(server.port))
        meter = self.connect(
            relay.port,
            'a',
            version='3',
            user='sha',
            auth_password=snmpd.AUTH_PASSWORD,
            retries=0,
        )
        self.assertEqual({'a': 101.0}, self.watts(meter))

        # when somebody changes the power from 101 to 1 W,
        relay.forged = (b'\x02\x01\x65', b'\x02\x01\x01')

        # then the response is not accepted.
        self.assertRaises(exception.DeviceUnreachable, meter.read)
