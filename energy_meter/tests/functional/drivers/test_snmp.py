# SPDX-License-Identifier: Apache-2.0


"""The driver and a device with two outlets, which snmpd plays."""

import threading
import typing

from oslotest import base

from energy_meter import exception
from energy_meter.drivers import snmp
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import snmpd

WATTS = '1.3.6.1.4.1.534.6.6.7.6.5.1.3.0'
ENERGY = '1.3.6.1.4.1.534.6.6.7.6.5.1.4.0'
NAME = '1.3.6.1.4.1.534.6.6.7.6.1.1.3.0'

#: No BER; BER that ends too early; an endless length; a message of another
#: version; the answer to another request.
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
    """Give outlets of an Eaton ePDU: the first has 101 W, and so on."""
    shown: dict[str, snmpd.Value] = {}
    for number in numbers:
        shown[f'{WATTS}.{number}'] = 100 + number
        shown[f'{ENERGY}.{number}'] = snmpd.Gauge(1000 * number)
        shown[f'{NAME}.{number}'] = f'Outlet {number}'
    return shown


class SNMPTest(base.BaseTestCase):
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
    def test_values_are_those_of_now(self):
        server = self.serve(1, 2)
        meter = self.connect(server.port, 'a', 'b')

        server.set(f'{WATTS}.2', 777)

        self.assertEqual({'a': 101.0, 'b': 777.0}, self.watts(meter))

    def test_probes_are_outlets_in_the_order_of_their_indexes(self):
        server = self.serve(10, 9, 1, 2, 3, 4, 5, 6, 7, 8)

        meter = self.connect(server.port, 'F1', None, 'F3', *[None] * 6, 'F10')

        self.assertEqual(
            {'F1': 101.0, 'F3': 103.0, 'F10': 110.0}, self.watts(meter)
        )

    def test_a_hole_in_the_table_moves_no_probe(self):
        server = self.serve(1, 3, 4)

        meter = self.connect(server.port, 'F1', 'F2', 'F3', 'F4')

        self.assertEqual(
            {'F1': 101.0, 'F3': 103.0, 'F4': 104.0}, self.watts(meter)
        )

    def test_a_hole_that_is_filled_is_read(self):
        server = self.serve(1, 3)
        meter = self.connect(server.port, 'F1', 'F2', 'F3')

        server.objects |= outlets(2)
        server.restart()

        self.assertEqual(
            {'F1': 101.0, 'F2': 102.0, 'F3': 103.0}, self.watts(meter)
        )

    def test_an_outlet_that_vanishes_costs_itself_only(self):
        server = self.serve(1, 2, 3)
        meter = self.connect(server.port, 'F1', 'F2', 'F3')

        for oid in outlets(2):
            del server.objects[oid]
        server.restart()

        self.assertEqual({'F1': 101.0, 'F3': 103.0}, self.watts(meter))

    def test_named_outlets_are_found_again_when_they_were_reordered(self):
        server = self.serve(1, 2)
        chosen = {'outlets': ['Outlet 2', '0.1']}
        before = self.connect(server.port, 'named', 'numbered', **chosen)
        self.assertEqual(
            {'named': 102.0, 'numbered': 101.0}, self.watts(before)
        )

        server.set(f'{NAME}.1', 'Outlet 2')
        server.set(f'{NAME}.2', 'Outlet 1')
        after = self.connect(
            server.port,
            'named',
            'numbered',
            **chosen | {'outlets': ['Outlet 2', '0.2']},
        )

        self.assertEqual(
            {'named': 101.0, 'numbered': 102.0}, self.watts(after)
        )

    def test_minus_one_is_no_reading(self):
        server = self.serve(1, 2)
        meter = self.connect(server.port, 'a', 'b')

        server.set(f'{WATTS}.1', -1)

        self.assertEqual({'a': None, 'b': 102.0}, self.watts(meter))
        self.assertEqual({'a': 1000, 'b': 2000}, self.ticks(meter))

    def test_a_counter_that_is_reset_or_wraps_is_shown_as_it_is(self):
        server = self.serve(1)
        meter = self.connect(server.port, 'a')
        shown = []

        for ticks in (4294967295, 3, 0):
            server.set(f'{ENERGY}.1', snmpd.Gauge(ticks))
            shown.append(self.ticks(meter)['a'])

        self.assertEqual([4294967295, 3, 0], shown)

    def test_energy_that_is_integrated_is_not_asked_for(self):
        server = self.serve(1)

        meter = self.connect(server.port, 'a', energy='integrate')

        self.assertEqual({'a': None}, self.ticks(meter))

    def test_columns_can_be_given_by_options(self):
        server = self.serve(1)

        meter = self.connect(
            server.port,
            'a',
            profile='custom',
            watts_oid=WATTS[:-2],
            watts_unit='0.1 W',
            energy_oid=ENERGY[:-2],
            energy_unit='0.1 kWh',
            energy_size=2**16,
            name_oid=NAME[:-2],
        )

        (reading,) = meter.read()
        self.assertEqual(
            (10.1, 1000, 360e3, 2**16),
            (
                round(reading.watts, 6),
                reading.ticks,
                reading.counter.joules,
                reading.counter.size,
            ),
        )
        self.assertEqual('Outlet 1', meter.outlets()[0].name)


class VersionTest(SNMPTest):
    def test_versions_1_and_2c(self):
        server = self.serve(*range(1, 49))
        for version in ('1', '2c'):
            meter = self.connect(
                server.port, *map(str, range(1, 49)), version=version
            )
            self.assertEqual(
                {str(number): 100.0 + number for number in range(1, 49)},
                self.watts(meter),
            )

    def test_version_3_without_and_with_each_digest_and_cipher(self):
        server = self.serve(1)
        for user, (digest, cipher) in snmpd.USERS.items():
            options = {'version': '3', 'user': user}
            if digest:
                options |= {
                    'auth_protocol': digest.lower().replace('-', ''),
                    'auth_password': snmpd.AUTH_PASSWORD,
                }
            if cipher:
                options |= {
                    'priv_protocol': cipher.lower().replace('-', ''),
                    'priv_password': snmpd.PRIV_PASSWORD,
                }

            meter = self.connect(server.port, 'a', **options)

            self.assertEqual({'a': 101.0}, self.watts(meter), user)

    def test_users_of_one_name_with_different_passwords(self):
        # Many sites have a user of the same name on devices of all kinds.
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

    def test_version_1_survives_an_object_that_vanished(self):
        server = self.serve(1, 2, 3)
        meter = self.connect(server.port, 'a', 'b', 'c', version='1')

        del server.objects[f'{WATTS}.1']
        del server.objects[f'{ENERGY}.3']
        server.restart()

        self.assertEqual(
            {'a': None, 'b': 102.0, 'c': 103.0}, self.watts(meter)
        )
        self.assertEqual({'a': 1000, 'b': 2000, 'c': None}, self.ticks(meter))

    def test_ipv6(self):
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


class RefusalTest(SNMPTest):
    USER = {
        'version': '3',
        'user': 'sha-aes',
        'retries': 0,
        'auth_password': snmpd.AUTH_PASSWORD,
        'priv_password': snmpd.PRIV_PASSWORD,
    }

    def refusal(self, error: type[Exception], **options: typing.Any) -> str:
        server = self.serve(1)
        meter = self.make(server.port, 'a', **options)
        return str(self.assertRaises(error, meter.open))

    def test_a_wrong_community_is_named_as_a_possible_cause(self):
        text = self.refusal(
            exception.DeviceUnreachable, retries=0, community='gue55'
        )

        self.assertIn('community', text)
        self.assertNotIn('gue55', text)

    def test_a_wrong_password_of_the_digest(self):
        text = self.refusal(
            exception.AuthenticationFailed,
            **self.USER | {'auth_password': 'gue55-gue55'},
        )

        self.assertIn('sha-aes', text)
        self.assertNotIn('gue55', text)

    def test_an_unknown_user(self):
        self.refusal(
            exception.AuthenticationFailed, **self.USER | {'user': 'stranger'}
        )

    def test_a_user_who_has_to_encrypt(self):
        self.refusal(
            exception.AuthenticationFailed,
            **self.USER | {'priv_password': None},
        )

    def test_a_wrong_password_of_the_cipher_is_named_as_a_possible_cause(self):
        text = self.refusal(
            exception.DeviceUnreachable,
            **self.USER | {'priv_password': 'gue55-gue55'},
        )

        self.assertIn('priv_password', text)
        self.assertNotIn('gue55', text)

    def test_a_device_of_another_family(self):
        text = self.refusal(exception.ProtocolError, profile='apc-rpdu2')

        self.assertIn('1.3.6.1.4.1.318.1.1.26.9.4.3.1.7', text)

    def test_an_outlet_that_does_not_exist(self):
        text = self.refusal(exception.DriverError, outlets=['Outlet 2'])

        self.assertIn("'Outlet 2'", text)
        self.assertIn('0.1 (Outlet 1)', text)

    def test_more_probes_than_outlets(self):
        server = self.serve(1)
        meter = self.make(server.port, 'a', 'b')

        text = str(self.assertRaises(exception.DriverError, meter.open))

        self.assertIn('2 probes', text)


class NetworkTest(SNMPTest):
    def test_a_table_is_read_with_one_request(self):
        server = self.serve(*range(1, 49))
        relay = self.useFixture(snmpd.Relay(server.port))
        meter = self.connect(relay.port, *map(str, range(1, 49)))
        before = relay.requests

        meter.read()

        self.assertEqual(1, relay.requests - before)

    def test_a_few_outlets_are_read_without_the_others(self):
        server = self.serve(*range(1, 49))
        relay = self.useFixture(snmpd.Relay(server.port))
        meter = self.connect(relay.port, 'a', *[None] * 46, 'z')
        before = relay.answered

        self.assertEqual({'a': 101.0, 'z': 148.0}, self.watts(meter))

        # Four objects, each of less than 30 octets, and what is around them.
        self.assertLess(relay.answered - before, 200)

    def test_a_device_with_small_messages_is_asked_for_less(self):
        # Of 40 objects it says tooBig, of many rows it gives only the first.
        server = self.serve(
            *range(1, 49), settings='[snmp] sendMessageMaxSize 1000'
        )
        for version in ('1', '2c'):
            meter = self.connect(
                server.port, *map(str, range(1, 49)), version=version
            )
            self.assertEqual(48, len(self.watts(meter)))

    def test_answers_that_are_lost_for_their_size_are_made_shorter(self):
        server = self.serve(*range(1, 49))
        relay = self.useFixture(snmpd.Relay(server.port))
        relay.limit = 1472

        meter = self.connect(relay.port, *map(str, range(1, 49)), timeout=0.2)

        self.assertEqual(48, len(self.watts(meter)))

    def test_a_device_that_boots_goes_on(self):
        server = self.serve(1)
        meter = self.connect(
            server.port, 'a', **RefusalTest.USER | {'retries': 2}
        )
        meter.read()

        server.restart()

        self.assertEqual({'a': 101.0}, self.watts(meter))

    def test_a_device_that_was_replaced_is_read_when_opened_anew(self):
        server = self.serve(1)
        meter = self.connect(server.port, 'a', **RefusalTest.USER)
        meter.read()

        server.replace()
        self.assertRaises(exception.DeviceUnreachable, meter.read)
        meter.close()
        meter.open()

        self.assertEqual({'a': 101.0}, self.watts(meter))

    def test_a_dead_device_holds_up_nobody(self):
        dead, alive = self.serve(1), self.serve(1)
        silent = self.connect(dead.port, 'silent', timeout=5.0)
        meter = self.connect(alive.port, 'a')
        dead.pause()
        asking = threading.Thread(target=silent.read)
        asking.start()

        for _ in range(50):
            self.assertEqual({'a': 101.0}, self.watts(meter))

        self.assertTrue(asking.is_alive())
        dead.resume()
        asking.join()

    def test_all_devices_share_one_thread(self):
        servers = [self.serve(1), self.serve(1)]
        for server in servers:
            self.connect(server.port, 'a')

        self.assertEqual(
            1, sum(thread.name == 'snmp' for thread in threading.enumerate())
        )

    def test_what_is_no_answer_does_no_harm(self):
        server = self.serve(1)
        relay = self.useFixture(snmpd.Relay(server.port))
        for options in ({'version': '1'}, {}, RefusalTest.USER):
            meter = self.connect(relay.port, 'a', **options)
            for noise in NOISE:
                relay.noise = noise
                self.assertEqual({'a': 101.0}, self.watts(meter), noise)
            relay.noise = b''
