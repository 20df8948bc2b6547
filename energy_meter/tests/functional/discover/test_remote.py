# SPDX-License-Identifier: Apache-2.0

"""Tests of discovery of devices on the network and on serial lines."""

import json
import stat
import threading
import typing

import testscenarios

from energy_meter.discover import mqtt
from energy_meter.discover import target
from energy_meter.drivers.snmp import profile
from energy_meter.tests import multivoies
from energy_meter.tests.functional.discover import base
from energy_meter.tests.functional.drivers import snmp_devices
from energy_meter.tests.functional.drivers import test_eaton_serial
from energy_meter.tests.functional.drivers import test_modbus
from energy_meter.tests.functional.drivers import test_redfish
from energy_meter.tests.functional.drivers import test_redfish_equipment
from energy_meter.tests.functional.drivers import test_wattsup
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import descriptors
from energy_meter.tests.functional.services import http
from energy_meter.tests.functional.services import ipmi_sim
from energy_meter.tests.functional.services import modbus
from energy_meter.tests.functional.services import mosquitto
from energy_meter.tests.functional.services import pty
from energy_meter.tests.functional.services import redfish
from energy_meter.tests.functional.services import snmpd


class IPMITest(base.DiscoverTestCase):
    def serve(
        self, *sensors: ipmi_sim.Sensor, **options: typing.Any
    ) -> ipmi_sim.IPMISim:
        bmc = self.useFixture(ipmi_sim.IPMISim(*sensors, **options))
        self.probe = f'bmc-127.0.0.1-{bmc.port}'
        self.arguments = [
            '--ipmi',
            f'127.0.0.1:{bmc.port}',
            '--ipmi-user',
            ipmi_sim.USER,
        ]
        return bmc

    def run_discover(self, password: str = ipmi_sim.PASSWORD) -> base.Outcome:
        return self.discover(
            *self.arguments, ENERGY_METER_IPMI_PASSWORD=password
        )

    def write_sections(self) -> None:
        self.write(
            *self.arguments, ENERGY_METER_IPMI_PASSWORD=ipmi_sim.PASSWORD
        )

    def test_machine_is_found_and_read(self):
        self.serve()

        self.write_sections()

        self.assertEqual({self.probe: ('node', 200.0)}, self.read_once())

    def test_energy_counter_is_used(self):
        bmc = self.serve(manufacturer=674, commands=True)
        bmc.add_dell_responses(watts=321, watt_hours=1234)

        (finding,) = self.run_discover().findings

        self.assertEqual(
            [(321.0, 1.234)],
            [
                (probe['w'], probe['counter_kwh'])
                for probe in finding['probes']
            ],
        )

    def test_power_supplies_are_found_and_read(self):
        self.serve(
            ipmi_sim.Sensor('PSU1 Input', 80),
            ipmi_sim.Sensor('PSU2 Input', 120),
        )

        self.write_sections()

        self.assertEqual(
            {
                f'{self.probe}-PSU1-Input': ('psu', 80.0),
                f'{self.probe}-PSU2-Input': ('psu', 120.0),
            },
            self.read_once(),
        )

    def test_sensor_without_value_is_explained(self):
        self.serve(ipmi_sim.Sensor('ME_PMBPower', available=False))

        outcome = self.run_discover()

        self.assertEqual(1, outcome.status)
        reason = outcome.reason('BMC')
        self.assertIn('the sensor has no value (na)', reason)
        self.assertIn('the Management Engine of the chipset', reason)

    def test_sensor_without_value_is_reported_beside_dcmi(self):
        bmc = self.serve(
            ipmi_sim.Sensor('ME_PMBPower', available=False), commands=True
        )
        bmc.add_dcmi_response(150)

        outcome = self.run_discover()

        self.assertEqual({self.probe: ('node', 150.0)}, outcome.metered)
        self.assertIn('the sensor has no value (na)', outcome.reason('BMC'))

    def test_bmc_without_power_is_reported(self):
        self.serve(ipmi_sim.Sensor('CPU Temp', unit='degrees_C'))

        self.assertIn('no Watts sensor', self.run_discover().reason('BMC'))

    def test_wrong_password_is_reported(self):
        self.serve()

        outcome = self.run_discover('wr0ng')

        self.assertIn(
            'refused the credentials of user meter', outcome.reason('BMC')
        )
        self.assertNotIn('wr0ng', outcome.output)

    def test_unreachable_device_is_reported(self):
        self.serve().stop()

        self.assertIn(
            'check the address of the BMC', self.run_discover().reason('BMC')
        )

    def test_missing_password_is_reported(self):
        self.serve()

        outcome = self.discover(*self.arguments)

        self.assertEqual(1, outcome.status)
        self.assertIn(
            'set ENERGY_METER_IPMI_PASSWORD to the password of user meter',
            outcome.output,
        )

    def test_password_is_only_in_file(self):
        self.serve()

        self.write_sections()
        outcome = self.run_discover()

        self.assertIn(ipmi_sim.PASSWORD, self.file.read_text())
        self.assertEqual(0o600, stat.S_IMODE(self.file.stat().st_mode))
        self.assertNotIn(ipmi_sim.PASSWORD, outcome.output)

    def test_agent_rejects_placeholder(self):
        self.serve()
        self.file.write_text('\n'.join(self.run_discover().sections))

        outcome = self.run_command(
            commands.script('energy-meter-agent'),
            '--config-file',
            self.file,
            '--check',
        )

        self.assertEqual(1, outcome.status)
        self.assertIn(
            f'[wattmeter:{self.probe}] password: still <fill in>: replace it',
            outcome.output,
        )

    def test_repeated_search_of_a_network_changes_nothing(self):
        bmc = self.serve()
        hosts = self.file.with_suffix('.hosts')
        hosts.write_text(f'127.0.0.1/32:{bmc.port} node-01 # Rack 1\n')
        self.arguments[1] = f'@{hosts}'

        self.write_sections()
        before = self.file.stat().st_mtime_ns
        self.write_sections()
        bmc.stop()
        outcome = self.run_command(
            commands.script('energy-meter-discover'),
            *self.arguments,
            '--output',
            self.file,
            ENERGY_METER_IPMI_PASSWORD=ipmi_sim.PASSWORD,
        )

        self.assertEqual(1, outcome.status)
        self.assertEqual(before, self.file.stat().st_mtime_ns)
        self.assertIn('[wattmeter:node-01]', self.file.read_text())

    def test_existing_file_is_not_overwritten(self):
        self.serve()
        self.file.write_text('mine')

        outcome = self.discover(
            *self.arguments,
            '--output',
            self.file,
            ENERGY_METER_IPMI_PASSWORD='',
        )

        self.assertEqual(2, outcome.status)
        self.assertIn('exists and was not generated; choose', outcome.output)
        self.assertEqual('mine', self.file.read_text())


#: sysObjectID that no profile matches.
UNKNOWN = (1, 3, 6, 1, 4, 1, 99999, 1)


class SNMPTestCase(base.DiscoverTestCase):
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


class SNMPFamilyTest(testscenarios.WithScenarios, SNMPTestCase):
    scenarios: typing.ClassVar = [
        (f'{device.profile}-{device.table}', {'device': device})
        for device in snmp_devices.DEVICES
    ]
    device: snmp_devices.Device

    def test_device_is_found_and_read(self):
        server = self.serve(self.device.objects, self.device.profile)

        self.write(
            '--snmp',
            f'127.0.0.1:{server.port}',
            ENERGY_METER_SNMP_COMMUNITY=snmpd.READ_COMMUNITY,
        )

        self.assertEqual(
            sorted(
                (channel.watts or 0.0)
                for channel in self.device.channels
                if (channel.watts, channel.ticks) != (None, None)
            ),
            sorted((watts or 0.0) for _, watts in self.read_once().values()),
        )


class SNMPTest(SNMPTestCase):
    def test_probes_have_names_of_outlets(self):
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

    def test_inlets_are_overlapping(self):
        outlets, inlets = snmp_devices.DEVICES[:2]
        server = self.serve(outlets.objects | inlets.objects, outlets.profile)

        self.write(
            '--snmp',
            f'127.0.0.1:{server.port}',
            ENERGY_METER_SNMP_COMMUNITY=snmpd.READ_COMMUNITY,
        )

        self.assertEqual(
            {'outlet'}, {scope for scope, _ in self.read_once().values()}
        )
        self.assertIn('#table = inlets', self.file.read_text())

    def test_outlet_without_value_is_omitted(self):
        device = next(
            device
            for device in snmp_devices.DEVICES
            if device.profile == 'apc-rpdu2'
        )
        server = self.serve(device.objects, device.profile)

        (finding,) = self.discover(
            '--snmp',
            f'127.0.0.1:{server.port}',
            ENERGY_METER_SNMP_COMMUNITY=snmpd.READ_COMMUNITY,
        ).findings

        pdu = f'pdu-127.0.0.1-{server.port}'
        self.assertEqual(
            [f'omitted, because they have no value now: {pdu}-Outlet-2'],
            finding['remarks'],
        )
        self.assertIn(f'probes = {pdu}-Outlet-1, "",\n', finding['section'])

    def test_unknown_family_is_reported(self):
        server = self.serve({})

        outcome = self.discover(
            '--snmp',
            f'127.0.0.1:{server.port}',
            ENERGY_METER_SNMP_COMMUNITY=snmpd.READ_COMMUNITY,
        )

        self.assertIn(
            'sysObjectID 1.3.6.1.4.1.99999.1', outcome.reason('SNMP')
        )
        self.assertIn('profile = custom', outcome.reason('SNMP'))

    def test_default_community_is_not_secret(self):
        device = snmp_devices.DEVICES[0]
        server = self.useFixture(
            snmpd.Snmpd(
                device.objects,
                'sysObjectID 1.3.6.1.4.1.534.6.6.7',
                'rocommunity public',
            )
        )

        (finding,) = self.discover(
            '--snmp', f'127.0.0.1:{server.port}'
        ).findings

        self.assertIn('community = public\n', finding['section'])

    def test_wrong_community_is_reported(self):
        server = self.serve({})

        outcome = self.discover('--snmp', f'127.0.0.1:{server.port}')

        self.assertIn(
            'devices also ignore requests with a wrong community',
            outcome.reason('SNMP'),
        )


class RedfishTest(base.DiscoverTestCase):
    def serve(self, resources: redfish.Resources) -> str:
        return self.useFixture(redfish.StaticRedfish(resources)).url

    def test_each_vendor_is_found_and_read(self):
        for resources, expected in (
            (test_redfish.BOTH_MODELS, {('node', 210.5)}),
            (test_redfish.OLD_MODEL, {('node', 95.0)}),
            (test_redfish.WHOLE_AND_PARTS, {('node', 300.0)}),
            (test_redfish.SENSORS, {('psu', 91.0), ('psu', 92.0)}),
        ):
            self.write('--redfish', self.serve(resources), '--force')

            self.assertEqual(expected, set(self.read_once().values()))

    def test_partial_entries_are_reported(self):
        outcome = self.discover(
            '--redfish', self.serve(test_redfish.WHOLE_AND_PARTS)
        )

        self.assertIn('PowerControl also has entries 1, 2', outcome.output)

    def test_sensors_are_used_without_other_sources(self):
        resources = json.loads(json.dumps(test_redfish.SENSORS))
        del resources[f'{redfish.ROOT}/Chassis/chassis']['PowerSubsystem']
        url = self.serve(resources)

        self.write('--redfish', url)

        self.assertEqual([('other', 180.25)], list(self.read_once().values()))

    def test_outlets_of_a_pdu_are_found_and_read(self):
        # Given a PDU whose chassis has a sensor of the power of the PDU,
        chassis = f'{redfish.ROOT}/Chassis/chassis'
        resources = redfish.with_equipment(
            test_redfish.SENSORS,
            'RackPDUs',
            **{
                '1': {
                    '': {
                        'Outlets': '->/Outlets',
                        'Metrics': '->/Metrics',
                        'Links': {'Chassis': [{'@odata.id': chassis}]},
                    },
                    **{
                        path: test_redfish_equipment.RACK_PDU[
                            test_redfish_equipment.PDU + path
                        ]
                        for path in (
                            '/Outlets',
                            '/Outlets/A1',
                            '/Outlets/A2',
                            '/Outlets/A3',
                            '/Outlets/A4',
                            '/Metrics',
                        )
                    },
                }
            },
        )

        # when it is discovered,
        self.write('--redfish', self.serve(resources))

        # then the outlets that have a value are metered, and nothing that
        # includes them.
        self.assertEqual(
            {('outlet', 197.4), ('outlet', 0.0)},
            set(self.read_once().values()),
        )

    def test_chassis_without_power_is_reported(self):
        url = self.serve(redfish.mockup(**{'1': {'': {}}}))

        self.assertIn(
            'no chassis reports power',
            self.discover('--redfish', url).reason('Redfish'),
        )

    def test_unreachable_device_is_reported(self):
        url = f'http://127.0.0.1:{services.free_port()}'

        self.assertIn(
            'must have the form https://HOST',
            self.discover('--redfish', url).reason('Redfish'),
        )


class RedfishLoginTest(base.DiscoverTestCase):
    def setUp(self):
        super().setUp()
        authority = self.useFixture(http.Authority())
        self.server = self.useFixture(
            redfish.Controller(
                test_redfish.BOTH_MODELS, authority.issue('127.0.0.1')
            )
        )
        self.arguments = [
            '--redfish',
            self.server.url,
            '--redfish-user',
            'meter',
        ]
        self.trust = ['--ca-file', authority.file]

    def test_chassis_is_found_and_sessions_are_closed(self):
        self.write(
            *self.arguments,
            *self.trust,
            ENERGY_METER_REDFISH_PASSWORD='s3cret',
        )

        self.assertEqual([('node', 210.5)], list(self.read_once().values()))
        self.assertEqual(set(), self.server.sessions)

    def test_wrong_password_is_reported(self):
        outcome = self.discover(
            *self.arguments, *self.trust, ENERGY_METER_REDFISH_PASSWORD='wr0ng'
        )

        self.assertIn(
            'refused the credentials of user meter', outcome.reason('Redfish')
        )
        self.assertNotIn('wr0ng', outcome.output)

    def test_unknown_authority_is_reported(self):
        outcome = self.discover(
            *self.arguments, ENERGY_METER_REDFISH_PASSWORD='s3cret'
        )
        self.write(
            *self.arguments,
            '--insecure',
            ENERGY_METER_REDFISH_PASSWORD='s3cret',
        )

        self.assertIn('use --ca-file FILE', outcome.reason('Redfish'))
        self.assertEqual([('node', 210.5)], list(self.read_once().values()))


class ModbusTest(base.DiscoverTestCase):
    def serve(self, units: modbus.Units) -> str:
        server = self.useFixture(
            modbus.ModbusServer(
                {unit: dict(values) for unit, values in units.items()}
            )
        )
        return f'127.0.0.1:{server.port}'

    def test_each_meter_is_found_and_read(self):
        for name, (registers, watts, _) in test_modbus.METERS.items():
            self.write('--force', '--modbus', self.serve({1: registers}))

            self.assertEqual(
                [('circuit', watts)], list(self.read_once().values()), name
            )

    def test_units_are_found_and_read(self):
        self.write(
            '--modbus', self.serve(test_modbus.SDM), '--modbus-units', 2, 3
        )

        self.assertEqual(
            [('circuit', 200.0), ('circuit', 300.0)],
            sorted(self.read_once().values()),
        )

    def test_ambiguous_models_are_reported(self):
        registers, _, _ = test_modbus.METERS['sdm120']
        (finding,) = self.discover(
            '--modbus', self.serve({1: registers})
        ).findings

        self.assertIn(
            'Modbus has no model identification', finding['remarks'][0]
        )

    def test_missing_unit_is_reported(self):
        outcome = self.discover('--modbus', self.serve({1: {0: ('f', 1.0)}}))

        self.assertIn(
            'Try another unit (--modbus-units)', outcome.reason('Modbus')
        )


class MQTTTest(base.DiscoverTestCase):
    def setUp(self):
        super().setUp()
        self.broker = self.useFixture(mosquitto.Mosquitto())
        self.address = f'127.0.0.1:{self.broker.port}'
        self.stopping = threading.Event()

    def publish(self, *messages: tuple[str, str]) -> None:
        """Publish messages every 0.5 s until the test ends."""

        def publish():
            while not self.stopping.wait(0.5):
                for topic, payload in messages:
                    self.broker.publish(topic, payload)

        thread = threading.Thread(target=publish)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.stopping.set)

    def test_devices_of_all_presets_are_found_and_read(self):
        self.publish(
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

        self.write('--mqtt', self.address, '--listen', 3)

        self.assertEqual(
            {
                'mqtt-plug': ('outlet', 42.0),
                'mqtt-shelly25:1': ('outlet', 60.5),
                'mqtt-rack:0': ('outlet', 7.5),
            },
            self.read_once(),
        )

    def test_retained_message_is_reported(self):
        self.broker.publish(
            'tele/plug/SENSOR',
            json.dumps({'ENERGY': {'Power': 42, 'Total': 12.345}}),
            '-r',
        )

        outcome = self.discover('--mqtt', self.address, '--listen', 1)

        self.assertIn(
            'only a retained message',
            outcome.reason(f'MQTT {self.address}, tasmota plug'),
        )

    def test_file_descriptors_above_1023_work(self):
        self.broker.publish('tele/plug/SENSOR', '{"ENERGY": {}}', '-r')
        self.useFixture(descriptors.Descriptors())

        (finding,) = mqtt.discover(
            target.Target.parse(self.address),
            {'username': None, 'tls': None, 'ca_file': None},
            {},
            1.0,
        )

        self.assertIn('only a retained message', finding.remarks[0])

    def test_missing_messages_are_reported(self):
        outcome = self.discover('--mqtt', self.address, '--listen', 1)

        self.assertIn(
            'no messages from Tasmota or Shelly devices within 1 s',
            outcome.reason('MQTT'),
        )

    def test_unreachable_broker_is_reported(self):
        self.broker.stop()

        self.assertIn(
            'check the address of the broker',
            self.discover('--mqtt', self.address).reason('MQTT'),
        )


class MQTTLoginTest(base.DiscoverTestCase):
    def setUp(self):
        super().setUp()
        broker = self.useFixture(mosquitto.Mosquitto({'meter': 's3cret'}))
        self.arguments = [
            '--mqtt',
            f'127.0.0.1:{broker.port}',
            '--mqtt-user',
            'meter',
            '--listen',
            1,
        ]

    def test_user_is_authenticated(self):
        outcome = self.discover(
            *self.arguments, ENERGY_METER_MQTT_PASSWORD='s3cret'
        )

        self.assertIn('no messages from', outcome.reason('MQTT'))

    def test_wrong_password_is_reported(self):
        outcome = self.discover(
            *self.arguments, ENERGY_METER_MQTT_PASSWORD='wr0ng'
        )

        self.assertIn('Not authorized', outcome.reason('MQTT'))
        self.assertNotIn('wr0ng', outcome.output)


class SerialTest(base.DiscoverTestCase):
    def setUp(self):
        super().setUp()
        self.line = self.useFixture(pty.Line())
        self.stopping = threading.Event()

    def send(self, data: bytes) -> None:
        """Send data every 10 ms until the test ends."""

        def write():
            while not self.stopping.wait(0.01):
                self.line.meter.write(data)

        thread = threading.Thread(target=write)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.stopping.set)

    def test_wattsup_is_found_and_read(self):
        self.send(test_wattsup.frame())

        self.write('--serial', self.line.port, '--timeout', 6)

        self.assertEqual({'port': ('outlet', 123.4)}, self.read_once())

    def test_omegawatt_is_found_and_read(self):
        powers = [10.0 * channel for channel in range(1, 13)]
        self.send(multivoies.frame(powers, 12 * [0.5]))

        self.write('--serial', self.line.port, '--timeout', 6)

        self.assertEqual(
            {
                f'port-{channel}': ('outlet', 10.0 * channel)
                for channel in range(1, 13)
            },
            {
                probe: (scope, round(watts, 3))
                for probe, (scope, watts) in self.read_once().items()
            },
        )

    def test_eaton_epdu_is_found_and_read(self):
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
            self.read_once(),
        )

    def test_silent_port_is_reported(self):
        outcome = self.discover('--serial', self.line.port, '--timeout', 2)
        reason = outcome.reason('serial port')

        self.assertIn('OmegaWatt Multivoies: ', reason)
        self.assertIn('use --serial-user USER', reason)


class SeveralSourcesTest(base.DiscoverTestCase):
    def test_unreachable_source_skips_only_itself(self):
        meter = self.useFixture(
            modbus.ModbusServer({1: {0x0C: ('f', 5.0), 0x48: ('f', 1.0)}})
        )
        closed_port = services.free_port()

        outcome = self.discover(
            '--redfish',
            f'http://127.0.0.1:{closed_port}',
            '--modbus',
            f'127.0.0.1:{meter.port}',
        )

        self.assertEqual(0, outcome.status)
        self.assertEqual([('circuit', 5.0)], list(outcome.metered.values()))
