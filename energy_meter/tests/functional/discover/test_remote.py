# SPDX-License-Identifier: Apache-2.0

"""What is found at real peers starts unchanged."""

import json
import stat
import threading
import typing

import testscenarios

from energy_meter.drivers.snmp import profile
from energy_meter.tests import multivoies
from energy_meter.tests.functional.discover import base
from energy_meter.tests.functional.drivers import snmp_devices
from energy_meter.tests.functional.drivers import test_eaton_serial
from energy_meter.tests.functional.drivers import test_modbus
from energy_meter.tests.functional.drivers import test_redfish
from energy_meter.tests.functional.drivers import test_wattsup
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import http
from energy_meter.tests.functional.services import ipmi_sim
from energy_meter.tests.functional.services import modbus
from energy_meter.tests.functional.services import mosquitto
from energy_meter.tests.functional.services import pty
from energy_meter.tests.functional.services import redfish
from energy_meter.tests.functional.services import snmpd


class IPMITest(base.DiscoverTest):
    def serve(
        self, *sensors: ipmi_sim.Sensor, **options: typing.Any
    ) -> ipmi_sim.IPMISim:
        bmc = self.useFixture(ipmi_sim.IPMISim(*sensors, **options))
        self.probe = f'bmc-127.0.0.1-{bmc.port}'
        self.words = [
            '--ipmi',
            f'127.0.0.1:{bmc.port}',
            '--ipmi-user',
            ipmi_sim.USER,
        ]
        return bmc

    def look(self, password: str = ipmi_sim.PASSWORD) -> base.Outcome:
        return self.discover(*self.words, ENERGY_METER_IPMI_PASSWORD=password)

    def write_it(self) -> None:
        self.write(*self.words, ENERGY_METER_IPMI_PASSWORD=ipmi_sim.PASSWORD)

    def test_a_machine_starts_unchanged(self):
        self.serve()

        self.write_it()

        self.assertEqual({self.probe: ('node', 200.0)}, self.once())

    def test_an_energy_counter_is_used(self):
        bmc = self.serve(manufacturer=674, commands=True)
        bmc.answer_dell(watts=321, watt_hours=1234)

        (found,) = self.look().findings

        self.assertEqual(
            [(321.0, 1.234)],
            [(probe['w'], probe['counter_kwh']) for probe in found['probes']],
        )

    def test_power_supplies_start_unchanged(self):
        self.serve(
            ipmi_sim.Sensor('PSU1 Input', 80),
            ipmi_sim.Sensor('PSU2 Input', 120),
        )

        self.write_it()

        self.assertEqual(
            {
                f'{self.probe}-PSU1-Input': ('psu', 80.0),
                f'{self.probe}-PSU2-Input': ('psu', 120.0),
            },
            self.once(),
        )

    def test_me_pmbpower_reads_na(self):
        self.serve(ipmi_sim.Sensor('ME_PMBPower', available=False))

        outcome = self.look()

        self.assertEqual(1, outcome.status)
        why = outcome.why('BMC')
        self.assertIn('it reads na, there is no value', why)
        self.assertIn('the Management Engine of the chipset', why)

    def test_na_beside_dcmi(self):
        bmc = self.serve(
            ipmi_sim.Sensor('ME_PMBPower', available=False), commands=True
        )
        bmc.answer_dcmi(150)

        outcome = self.look()

        self.assertEqual({self.probe: ('node', 150.0)}, outcome.metered)
        self.assertIn('it reads na', outcome.why('BMC'))

    def test_a_bmc_without_a_wattmeter(self):
        self.serve(ipmi_sim.Sensor('CPU Temp', unit='degrees_C'))

        self.assertIn('no sensor in watts', self.look().why('BMC'))

    def test_a_wrong_password(self):
        self.serve()

        outcome = self.look('wr0ng')

        self.assertIn(
            'refused the credentials of user meter', outcome.why('BMC')
        )
        self.assertNotIn('wr0ng', outcome.printed)

    def test_nobody_there(self):
        self.serve().stop()

        self.assertIn('is this the address of the BMC', self.look().why('BMC'))

    def test_no_password(self):
        self.serve()

        outcome = self.discover(*self.words)

        self.assertEqual(1, outcome.status)
        self.assertIn(
            'set ENERGY_METER_IPMI_PASSWORD, the password of user meter',
            outcome.printed,
        )

    def test_the_password_is_in_the_file_alone(self):
        self.serve()

        self.write_it()
        shown = self.look()

        self.assertIn(ipmi_sim.PASSWORD, self.file.read_text())
        self.assertEqual(0o600, stat.S_IMODE(self.file.stat().st_mode))
        self.assertNotIn(ipmi_sim.PASSWORD, shown.printed)

    def test_the_agent_says_what_to_fill_in(self):
        self.serve()
        self.file.write_text('\n'.join(self.look().sections))

        outcome = self.run_command(
            commands.script('energy-meter-agent'),
            '--config-file',
            self.file,
            '--check',
        )

        self.assertEqual(1, outcome.status)
        self.assertIn(
            f'[wattmeter:{self.probe}] password: still <fill in>: replace it',
            outcome.printed,
        )

    def test_a_file_is_not_overwritten_unasked(self):
        self.serve()
        self.file.write_text('mine')

        outcome = self.discover(
            *self.words, '--output', self.file, ENERGY_METER_IPMI_PASSWORD=''
        )

        self.assertEqual(2, outcome.status)
        self.assertIn('exists; --force overwrites it', outcome.printed)
        self.assertEqual('mine', self.file.read_text())


#: A sysObjectID of no family.
UNKNOWN = (1, 3, 6, 1, 4, 1, 99999, 1)


class SNMPCase(base.DiscoverTest):
    def serve(
        self, objects: dict[str, snmpd.Value], family: str | None = None
    ) -> snmpd.Snmpd:
        system = (
            UNKNOWN
            if family is None
            else (profile.load(family, '/nonexistent').system[0])
        )
        return self.useFixture(
            snmpd.Snmpd(objects, f'sysObjectID {".".join(map(str, system))}')
        )


class SNMPFamilyTest(testscenarios.WithScenarios, SNMPCase):
    scenarios = [
        (f'{device.profile}-{device.table}', {'device': device})
        for device in snmp_devices.DEVICES
    ]
    device: snmp_devices.Device

    def test_it_starts_unchanged(self):
        server = self.serve(self.device.objects, self.device.profile)

        self.write(
            '--snmp',
            f'127.0.0.1:{server.port}',
            ENERGY_METER_SNMP_COMMUNITY=snmpd.READ_COMMUNITY,
        )

        self.assertEqual(
            sorted(
                (point.watts or 0.0)
                for point in self.device.points
                if (point.watts, point.ticks) != (None, None)
            ),
            sorted((watts or 0.0) for _, watts in self.once().values()),
        )


class SNMPTest(SNMPCase):
    def test_outlets_have_their_names(self):
        device = snmp_devices.DEVICES[0]
        server = self.serve(device.objects, device.profile)

        outcome = self.discover(
            '--snmp',
            f'127.0.0.1:{server.port}',
            '--snmp-user',
            'sha-aes',
            ENERGY_METER_SNMP_AUTH_PASSWORD=snmpd.AUTH_PASSWORD,
            ENERGY_METER_SNMP_PRIV_PASSWORD=snmpd.PRIV_PASSWORD,
        )

        pdu = f'pdu-127.0.0.1-{server.port}'
        self.assertEqual(
            {
                f'{pdu}-Server-A': ('outlet', 231.0),
                f'{pdu}-Server-B': ('outlet', None),
                f'{pdu}-Switch': ('outlet', 45.0),
            },
            outcome.metered,
        )

    def test_inlets_are_an_alternative(self):
        outlets, inlets = snmp_devices.DEVICES[:2]
        server = self.serve(outlets.objects | inlets.objects, outlets.profile)

        self.write(
            '--snmp',
            f'127.0.0.1:{server.port}',
            ENERGY_METER_SNMP_COMMUNITY=snmpd.READ_COMMUNITY,
        )

        self.assertEqual(
            {'outlet'}, {scope for scope, _ in self.once().values()}
        )
        self.assertIn('#table = inlets', self.file.read_text())

    def test_an_outlet_without_a_value_is_left_out(self):
        device = next(
            device
            for device in snmp_devices.DEVICES
            if device.profile == 'apc-rpdu2'
        )
        server = self.serve(device.objects, device.profile)

        (found,) = self.discover(
            '--snmp',
            f'127.0.0.1:{server.port}',
            ENERGY_METER_SNMP_COMMUNITY=snmpd.READ_COMMUNITY,
        ).findings

        pdu = f'pdu-127.0.0.1-{server.port}'
        self.assertEqual(
            [f'left out, for it shows no value now: {pdu}-Outlet-2'],
            found['remarks'],
        )
        self.assertIn(f'probes = {pdu}-Outlet-1,\n', found['section'])

    def test_an_unknown_family(self):
        server = self.serve({})

        outcome = self.discover(
            '--snmp',
            f'127.0.0.1:{server.port}',
            ENERGY_METER_SNMP_COMMUNITY=snmpd.READ_COMMUNITY,
        )

        self.assertIn('sysObjectID 1.3.6.1.4.1.99999.1', outcome.why('SNMP'))
        self.assertIn('profile = custom', outcome.why('SNMP'))

    def test_the_usual_community_is_no_secret(self):
        device = snmp_devices.DEVICES[0]
        server = self.useFixture(
            snmpd.Snmpd(
                device.objects,
                'sysObjectID 1.3.6.1.4.1.534.6.6.7',
                'rocommunity public',
            )
        )

        (found,) = self.discover('--snmp', f'127.0.0.1:{server.port}').findings

        self.assertIn('community = public\n', found['section'])

    def test_a_wrong_community(self):
        server = self.serve({})

        outcome = self.discover('--snmp', f'127.0.0.1:{server.port}')

        self.assertIn(
            'it also keeps silent if the community is wrong',
            outcome.why('SNMP'),
        )


class RedfishTest(base.DiscoverTest):
    def serve(self, resources: redfish.Resources) -> str:
        return self.useFixture(redfish.StaticRedfish(resources)).url

    def test_each_vendor_starts_unchanged(self):
        for resources, expected in (
            (test_redfish.BOTH_MODELS, {('node', 210.5)}),
            (test_redfish.OLD_MODEL, {('node', 95.0)}),
            (test_redfish.WHOLE_AND_PARTS, {('node', 300.0)}),
            (test_redfish.SENSORS, {('psu', 91.0), ('psu', 92.0)}),
        ):
            self.write('--redfish', self.serve(resources), '--force')

            self.assertEqual(expected, set(self.once().values()))

    def test_parts_are_named(self):
        outcome = self.discover(
            '--redfish', self.serve(test_redfish.WHOLE_AND_PARTS)
        )

        self.assertIn('PowerControl has 1, 2, too', outcome.printed)

    def test_sensors_alone(self):
        resources = json.loads(json.dumps(test_redfish.SENSORS))
        del resources[f'{redfish.ROOT}/Chassis/chassis']['PowerSubsystem']
        url = self.serve(resources)

        self.write('--redfish', url)

        self.assertEqual([('other', 180.25)], list(self.once().values()))

    def test_nothing_that_shows_power(self):
        url = self.serve(redfish.mockup(**{'1': {'': {}}}))

        self.assertIn(
            'none of its chassis shows power',
            self.discover('--redfish', url).why('Redfish'),
        )

    def test_nobody_there(self):
        url = f'http://127.0.0.1:{services.free_port()}'

        self.assertIn(
            'a URL is https://HOST',
            self.discover('--redfish', url).why('Redfish'),
        )


class RedfishLoginTest(base.DiscoverTest):
    def setUp(self):
        super().setUp()
        authority = self.useFixture(http.Authority())
        self.server = self.useFixture(
            redfish.Controller(
                test_redfish.BOTH_MODELS, authority.issue('127.0.0.1')
            )
        )
        self.words = ['--redfish', self.server.url, '--redfish-user', 'meter']
        self.trust = ['--ca-file', authority.file]

    def test_it_starts_unchanged_and_leaves_no_session_behind(self):
        self.write(
            *self.words, *self.trust, ENERGY_METER_REDFISH_PASSWORD='s3cret'
        )

        self.assertEqual([('node', 210.5)], list(self.once().values()))
        self.assertEqual(set(), self.server.sessions)

    def test_a_wrong_password(self):
        outcome = self.discover(
            *self.words, *self.trust, ENERGY_METER_REDFISH_PASSWORD='wr0ng'
        )

        self.assertIn(
            'refused the credentials of user meter', outcome.why('Redfish')
        )
        self.assertNotIn('wr0ng', outcome.printed)

    def test_a_certificate_that_nobody_vouches_for(self):
        refused = self.discover(
            *self.words, ENERGY_METER_REDFISH_PASSWORD='s3cret'
        )
        self.write(
            *self.words, '--insecure', ENERGY_METER_REDFISH_PASSWORD='s3cret'
        )

        self.assertIn('--ca-file FILE, or --insecure', refused.why('Redfish'))
        self.assertEqual([('node', 210.5)], list(self.once().values()))


class ModbusTest(base.DiscoverTest):
    def serve(self, units: modbus.Units) -> str:
        server = self.useFixture(
            modbus.ModbusServer(
                {unit: dict(values) for unit, values in units.items()}
            )
        )
        return f'127.0.0.1:{server.port}'

    def test_each_kind_starts_unchanged(self):
        for name, (registers, watts, _) in test_modbus.METERS.items():
            self.write('--force', '--modbus', self.serve({1: registers}))

            self.assertEqual(
                [('circuit', watts)], list(self.once().values()), name
            )

    def test_units_start_unchanged(self):
        self.write(
            '--modbus', self.serve(test_modbus.SDM), '--modbus-units', 2, 3
        )

        self.assertEqual(
            [('circuit', 200.0), ('circuit', 300.0)],
            sorted(self.once().values()),
        )

    def test_models_that_nothing_tells_apart(self):
        registers, _, _ = test_modbus.METERS['sdm120']
        (found,) = self.discover(
            '--modbus', self.serve({1: registers})
        ).findings

        self.assertIn('Nothing on Modbus tells the model', found['remarks'][0])

    def test_a_unit_that_is_not_there(self):
        outcome = self.discover('--modbus', self.serve({1: {0: ('f', 1.0)}}))

        self.assertIn(
            'Is it another unit (--modbus-units)', outcome.why('Modbus')
        )


class MQTTTest(base.DiscoverTest):
    def setUp(self):
        super().setUp()
        self.broker = self.useFixture(mosquitto.Mosquitto())
        self.place = f'127.0.0.1:{self.broker.port}'
        self.talking = threading.Event()

    def talk(self, *messages: tuple[str, str]) -> None:
        """Publish again and again until the test ends."""

        def publish():
            while not self.talking.wait(0.5):
                for topic, payload in messages:
                    self.broker.publish(topic, payload)

        thread = threading.Thread(target=publish)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.talking.set)

    def test_devices_of_all_presets_start_unchanged(self):
        self.talk(
            (
                'tele/plug/SENSOR',
                json.dumps({'ENERGY': {'Power': 42, 'Total': 12.345}}),
            ),
            ('tele/thermometer/SENSOR', json.dumps({'Temperature': 20})),
            ('shellies/shelly25/relay/1/energy', '1000'),
            ('shellies/shelly25/relay/1/power', '60.50'),
            (
                'rack/status/switch:0',
                json.dumps({'apower': 7.5, 'aenergy': {'total': 99}}),
            ),
        )

        self.write('--mqtt', self.place, '--listen', 3)

        self.assertEqual(
            {
                'mqtt-plug': ('outlet', 42.0),
                'mqtt-shelly25:1': ('outlet', 60.5),
                'mqtt-rack:0': ('outlet', 7.5),
            },
            self.once(),
        )

    def test_a_device_that_is_remembered_only(self):
        self.broker.publish(
            'tele/plug/SENSOR',
            json.dumps({'ENERGY': {'Power': 42, 'Total': 12.345}}),
            '-r',
        )

        outcome = self.discover('--mqtt', self.place, '--listen', 1)

        self.assertIn(
            'only an old, retained message',
            outcome.why(f'MQTT {self.place}, tasmota plug'),
        )

    def test_silence(self):
        outcome = self.discover('--mqtt', self.place, '--listen', 1)

        self.assertIn(
            'no Tasmota or Shelly said anything within 1 s',
            outcome.why('MQTT'),
        )

    def test_a_broker_that_is_not_there(self):
        self.broker.stop()

        self.assertIn(
            'is it the address of the broker',
            self.discover('--mqtt', self.place).why('MQTT'),
        )


class MQTTLoginTest(base.DiscoverTest):
    def setUp(self):
        super().setUp()
        broker = self.useFixture(mosquitto.Mosquitto({'meter': 's3cret'}))
        self.words = [
            '--mqtt',
            f'127.0.0.1:{broker.port}',
            '--mqtt-user',
            'meter',
            '--listen',
            1,
        ]

    def test_a_user_is_let_in(self):
        outcome = self.discover(
            *self.words, ENERGY_METER_MQTT_PASSWORD='s3cret'
        )

        self.assertIn('said anything within 1 s', outcome.why('MQTT'))

    def test_a_wrong_password(self):
        outcome = self.discover(
            *self.words, ENERGY_METER_MQTT_PASSWORD='wr0ng'
        )

        self.assertIn('Not authorized', outcome.why('MQTT'))
        self.assertNotIn('wr0ng', outcome.printed)


class SerialTest(base.DiscoverTest):
    def setUp(self):
        super().setUp()
        self.line = self.useFixture(pty.Line())
        self.ending = threading.Event()

    def talk(self, data: bytes) -> None:
        """Say it again and again until the test ends."""

        def say():
            while not self.ending.wait(0.01):
                self.line.meter.write(data)

        thread = threading.Thread(target=say)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.ending.set)

    def test_a_watts_up_starts_unchanged(self):
        self.talk(test_wattsup.frame())

        self.write('--serial', self.line.port, '--timeout', 6)

        self.assertEqual({'port': ('outlet', 123.4)}, self.once())

    def test_all_channels_of_an_omegawatt_start_unchanged(self):
        powers = [10.0 * channel for channel in range(1, 13)]
        self.talk(multivoies.frame(powers, 12 * [0.5]))

        self.write('--serial', self.line.port, '--timeout', 6)

        self.assertEqual(
            {
                f'port-{channel}': ('outlet', 10.0 * channel)
                for channel in range(1, 13)
            },
            {
                probe: (scope, round(watts, 3))
                for probe, (scope, watts) in self.once().items()
            },
        )

    def test_all_outlets_of_an_eaton_epdu_start_unchanged(self):
        self.useFixture(test_eaton_serial.PDU(self.line))

        self.write(
            '--serial',
            self.line.port,
            '--serial-user',
            'admin',
            '--timeout',
            6,
            ENERGY_METER_SERIAL_PASSWORD='s3cret',
        )

        self.assertEqual(
            {
                'port-1': ('outlet', 120.0),
                'port-2': ('outlet', 7.5),
                'port-3': ('outlet', 0.0),
            },
            self.once(),
        )

    def test_nothing_that_talks(self):
        outcome = self.discover('--serial', self.line.port, '--timeout', 2)
        why = outcome.why('serial port')

        self.assertIn('OmegaWatt Multivoies: ', why)
        self.assertIn('is asked with --serial-user USER', why)


class EverywhereTest(base.DiscoverTest):
    def test_one_dead_place_costs_only_itself(self):
        meter = self.useFixture(
            modbus.ModbusServer({1: {0x0C: ('f', 5.0), 0x48: ('f', 1.0)}})
        )
        dead = services.free_port()

        outcome = self.discover(
            '--redfish',
            f'http://127.0.0.1:{dead}',
            '--modbus',
            f'127.0.0.1:{meter.port}',
        )

        self.assertEqual(0, outcome.status)
        self.assertEqual([('circuit', 5.0)], list(outcome.metered.values()))
