# SPDX-License-Identifier: Apache-2.0


"""Tests of the Redfish driver: vendors' resources, logins and faults.

The mockups have the structure of the vendors' resources, reduced to the
properties that concern power.
"""

import threading
import typing

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.redfish import driver
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import http
from energy_meter.tests.functional.services import redfish

#: Timeout for services that hang. A login, with a TLS handshake, must be
#: possible in this time even if the machine is busy.
SHORT_TIMEOUT_S = 2.0

#: Rack server with both PowerControl and EnvironmentMetrics.
BOTH_MODELS = redfish.mockup(
    **{
        'System.Embedded.1': {
            '': {
                'ChassisType': 'RackMount',
                'Power': '->/Power',
                'EnvironmentMetrics': '->/EnvironmentMetrics',
            },
            '/Power': {
                'PowerControl': [
                    {
                        'MemberId': 'PowerControl',
                        'Name': 'System Power Control',
                        'PowerConsumedWatts': 209,
                        'PowerCapacityWatts': 800,
                    }
                ]
            },
            '/EnvironmentMetrics': {
                'PowerWatts': {'Reading': 210.5},
                'EnergykWh': {'Reading': 1234.567},
            },
        },
        'Enclosure.Internal.0-1': {'': {'ChassisType': 'Enclosure'}},
    }
)

#: Server with a single PowerControl entry, which has no name.
OLD_MODEL = redfish.mockup(
    **{
        '1': {
            '': {'ChassisType': 'RackMount', 'Power': '->/Power'},
            '/Power': {
                'PowerControl': [
                    {
                        '@odata.id': '->/Power#PowerControl/0',
                        'MemberId': '0',
                        'PowerConsumedWatts': 95,
                        'PowerMetrics': {
                            'AverageConsumedWatts': 94,
                            'IntervalInMin': 20,
                        },
                    }
                ]
            },
        }
    }
)

#: Server with PowerControl entries for the whole server and for parts of it.
WHOLE_AND_PARTS = redfish.mockup(
    **{
        '1': {
            '': {'ChassisType': 'RackMount', 'Power': '->/Power'},
            '/Power': {
                'PowerControl': [
                    {
                        'MemberId': '0',
                        'Name': 'Server Power Control',
                        'PowerConsumedWatts': 300,
                    },
                    {
                        'MemberId': '1',
                        'Name': 'CPU Sub-system Power',
                        'PowerConsumedWatts': 120,
                    },
                    {
                        'MemberId': '2',
                        'Name': 'Memory Sub-system Power',
                        'PowerConsumedWatts': 40,
                    },
                ]
            },
        }
    }
)

#: Controller with sensors and power supplies, but without Power.
SENSORS = redfish.mockup(
    **{
        'chassis': {
            '': {
                'ChassisType': 'RackMount',
                'Sensors': '->/Sensors',
                'PowerSubsystem': '->/PowerSubsystem',
            },
            '/Sensors': redfish.collection(
                *(
                    f'/redfish/v1/Chassis/chassis/Sensors/{name}'
                    for name in (
                        'power_total',
                        'energy_total',
                        'energy_joules',
                        'temp_inlet',
                    )
                )
            ),
            '/Sensors/power_total': {
                'ReadingType': 'Power',
                'Reading': 180.25,
                'ReadingUnits': 'W',
            },
            '/Sensors/energy_total': {
                'ReadingType': 'EnergykWh',
                'Reading': 77.7,
            },
            '/Sensors/energy_joules': {
                'ReadingType': 'EnergyJoules',
                'Reading': 5000.5,
            },
            '/Sensors/temp_inlet': {
                'ReadingType': 'Temperature',
                'Reading': 21,
            },
            '/PowerSubsystem': {
                'PowerSupplies': '->/PowerSubsystem/PowerSupplies'
            },
            '/PowerSubsystem/PowerSupplies': redfish.collection(
                *(
                    f'/redfish/v1/Chassis/chassis/PowerSubsystem/PowerSupplies/{name}'
                    for name in ('PSU1', 'PSU2')
                )
            ),
            **{
                f'/PowerSubsystem/PowerSupplies/PSU{n}': {
                    'Metrics': (
                        f'->/PowerSubsystem/PowerSupplies/PSU{n}/Metrics'
                    )
                }
                for n in (1, 2)
            },
            **{
                f'/PowerSubsystem/PowerSupplies/PSU{n}/Metrics': {
                    'InputPowerWatts': {'Reading': 90.0 + n},
                    'EnergykWh': {'Reading': 10.0 * n},
                }
                for n in (1, 2)
            },
        }
    }
)

SUPPLIES = '/Chassis/chassis/PowerSubsystem/PowerSupplies'
SYSTEM = '/Chassis/System.Embedded.1'


class RedfishTest(base.BaseTestCase):
    def open(
        self, url: str, *probes: str | None, **options: typing.Any
    ) -> driver.Redfish:
        meter = drivers.make(
            driver.Redfish,
            *probes or ('node',),
            **{
                'url': url,
                'username': 'meter',
                'password': 's3cret',
                'timeout': 5.0,
            }
            | options,
        )
        self.addCleanup(meter.close)
        meter.open()
        return meter

    def open_error(self, url: str, *probes: str, **options: typing.Any) -> str:
        return str(
            self.assertRaises(
                exception.DriverError, self.open, url, *probes, **options
            )
        )


class VendorsTest(RedfishTest):
    def serve(self, resources: redfish.Resources) -> redfish.StaticRedfish:
        return self.useFixture(redfish.StaticRedfish(resources))

    def test_environment_metrics_are_preferred(self):
        server = self.serve(BOTH_MODELS)

        (reading,) = self.open(server.url).read()

        self.assertEqual(('node', 210.5, 1_234_567), reading[:3])
        self.assertEqual(3600.0, reading.counter.joules_per_tick)

    def test_power_supplies_are_listed_as_channels(self):
        meter = self.open(
            self.serve(SENSORS).url, None, source='power-supplies'
        )

        self.assertEqual(
            ['PSU1', 'PSU2'], [channel.name for channel in meter.channels()]
        )

    def test_changed_values_are_read(self):
        server = self.serve(BOTH_MODELS)
        meter = self.open(server.url)
        meter.read()
        server.change(
            f'{SYSTEM}/EnvironmentMetrics',
            PowerWatts={'Reading': 250},
            EnergykWh={'Reading': 1234.667},
        )

        (reading,) = meter.read()

        self.assertEqual((250.0, 1_234_667), reading[1:3])

    def test_power_control_has_no_energy(self):
        (reading,) = self.open(self.serve(OLD_MODEL).url).read()

        self.assertEqual(('node', 95.0, None), reading[:3])

    def test_power_control_can_be_selected(self):
        (reading,) = self.open(
            self.serve(BOTH_MODELS).url, source='power-control'
        ).read()

        self.assertEqual(209.0, reading.watts)

    def test_several_entries_without_outlets_are_rejected(self):
        self.assertIn(
            'several PowerControl entries: set channels to some of Server '
            'Power Control, CPU Sub-system Power, Memory Sub-system Power',
            self.open_error(self.serve(WHOLE_AND_PARTS).url),
        )

    def test_entries_are_selected_by_outlets(self):
        server = self.serve(WHOLE_AND_PARTS)

        readings = self.open(
            server.url,
            'a',
            'b',
            channels=['Memory Sub-system Power', '0'],
            source='power-control',
        ).read()

        self.assertEqual(
            [('a', 40.0), ('b', 300.0)], [reading[:2] for reading in readings]
        )

    def test_probes_with_same_channel_are_rejected(self):
        entries, sensors = self.serve(WHOLE_AND_PARTS), self.serve(SENSORS)
        for server, source, channels in (
            (entries, 'power-control', ['Server Power Control', '0']),
            (sensors, 'sensors', ['power_total', 'power_total']),
        ):
            self.assertIn(
                'channels: probes a and b have the same channel',
                self.open_error(
                    server.url, 'a', 'b', source=source, channels=channels
                ),
            )

    def test_probes_with_same_energy_sensor_are_rejected(self):
        self.assertIn(
            'energy_sensors: probes a and b have the same channel',
            self.open_error(
                self.serve(SENSORS).url,
                'a',
                'b',
                source='power-supplies',
                energy_sensors=['energy_total', 'energy_total'],
            ),
        )

    def test_unknown_entry_is_rejected(self):
        self.assertIn(
            'channels: GPU not found',
            self.open_error(
                self.serve(WHOLE_AND_PARTS).url,
                'a',
                'b',
                channels=['0', 'GPU'],
            ),
        )

    def test_power_supplies_are_read(self):
        server = self.serve(SENSORS)

        readings = self.open(
            server.url, 'a', 'b', source='power-supplies'
        ).read()

        self.assertEqual(
            [('a', 91.0, 10_000), ('b', 92.0, 20_000)],
            [reading[:3] for reading in readings],
        )

    def test_removed_power_supply_skips_only_its_probe(self):
        server = self.serve(SENSORS)
        meter = self.open(server.url, 'a', 'b', source='power-supplies')
        server.remove(f'{SUPPLIES}/PSU1/Metrics')

        self.assertEqual(['b'], [reading.probe for reading in meter.read()])

    def test_power_and_energy_sensors_are_read(self):
        server = self.serve(SENSORS)
        for sensor, ticks, joules in (
            ('energy_total', 777, 360_000.0),
            ('energy_joules', 50_005, 0.1),
        ):
            (reading,) = self.open(
                server.url,
                source='sensors',
                channels=['power_total'],
                energy_sensors=[sensor],
                energy_step=0.1,
            ).read()

            self.assertEqual((180.25, ticks), reading[1:3])
            self.assertAlmostEqual(joules, reading.counter.joules_per_tick)

    def test_sensor_of_other_type_is_rejected(self):
        self.assertIn(
            'no sensor temp_inlet of type',
            self.open_error(
                self.serve(SENSORS).url,
                source='sensors',
                channels=['power_total'],
                energy_sensors=['temp_inlet'],
            ),
        )
        self.assertIn(
            'no chassis has source = sensors for channels = temp_inlet',
            self.open_error(
                self.serve(SENSORS).url,
                source='sensors',
                channels=['temp_inlet'],
            ),
        )

    def test_controller_without_power_is_rejected(self):
        self.assertIn(
            'no chassis has source = auto',
            self.open_error(self.serve(SENSORS).url),
        )

    def test_chassis_is_selected_by_id(self):
        two = redfish.mockup(
            **{
                name: {
                    '': {'EnvironmentMetrics': '->/EnvironmentMetrics'},
                    '/EnvironmentMetrics': {'PowerWatts': {'Reading': watts}},
                }
                for name, watts in (('Blade1', 100), ('Blade2', 200))
            }
        )
        server = self.serve(two)

        self.assertIn(
            'several chassis report power: set chassis to one of Blade1, '
            'Blade2',
            self.open_error(server.url),
        )
        self.assertIn(
            'no chassis Blade3', self.open_error(server.url, chassis='Blade3')
        )
        (reading,) = self.open(server.url, chassis='Blade2').read()
        self.assertEqual(200.0, reading.watts)

    def test_chassis_on_another_page_is_found(self):
        # Given a service that pages its collections,
        top = '/redfish/v1/Chassis'
        server = self.serve(
            {
                **OLD_MODEL,
                top: {
                    **redfish.collection(),
                    'Members@odata.nextLink': f'{top}/page2',
                },
                f'{top}/page2': redfish.collection(f'{top}/1'),
            }
        )

        # then the chassis of all pages are found.
        (reading,) = self.open(server.url).read()
        self.assertEqual(95.0, reading.watts)

    def test_null_yields_no_value(self):
        server = self.serve(BOTH_MODELS)
        meter = self.open(server.url)
        for watts in (None, {'Reading': None}, {}):
            server.change(f'{SYSTEM}/EnvironmentMetrics', PowerWatts=watts)
            (reading,) = meter.read()
            self.assertEqual((None, 1_234_567), reading[1:3])
        server.change(f'{SYSTEM}/EnvironmentMetrics', EnergykWh=None)

        self.assertEqual([], meter.read())

    def test_source_without_a_value_is_not_chosen_over_one_with_it(self):
        # Given a chassis whose EnvironmentMetrics are null,
        server = self.serve(BOTH_MODELS)
        server.change(
            f'{SYSTEM}/EnvironmentMetrics',
            PowerWatts={'Reading': None},
            EnergykWh=None,
        )

        # then its PowerControl is read,
        (reading,) = self.open(server.url).read()
        self.assertEqual(209.0, reading.watts)

        # unless that is null, too, or has several entries.
        for entries in (
            [{'MemberId': '0', 'PowerConsumedWatts': None}],
            WHOLE_AND_PARTS['/redfish/v1/Chassis/1/Power']['PowerControl'],
        ):
            server.change(f'{SYSTEM}/Power', PowerControl=entries)
            self.assertEqual([], self.open(server.url).read())

    def test_source_with_energy_only_has_a_value(self):
        server = self.serve(BOTH_MODELS)
        server.change(f'{SYSTEM}/EnvironmentMetrics', PowerWatts=None)

        (reading,) = self.open(server.url).read()

        self.assertEqual((None, 1_234_567), reading[1:3])

    def test_missing_link_falls_back_to_next_source(self):
        server = self.serve(BOTH_MODELS)
        server.change(SYSTEM, EnvironmentMetrics=None)

        (reading,) = self.open(server.url).read()

        self.assertEqual(209.0, reading.watts)
        server.change(SYSTEM, Power={})
        self.assertIn('no chassis has', self.open_error(server.url))

    def test_broken_link_falls_back_to_next_source(self):
        server = self.serve(BOTH_MODELS)
        server.remove(f'{SYSTEM}/EnvironmentMetrics')

        (reading,) = self.open(server.url).read()

        self.assertEqual(209.0, reading.watts)

    def test_removed_resource_raises(self):
        server = self.serve(BOTH_MODELS)
        meter = self.open(server.url)
        server.remove(f'{SYSTEM}/EnvironmentMetrics')

        e = self.assertRaises(exception.ProtocolError, meter.read)

        self.assertIn('EnvironmentMetrics not found', str(e))

    def test_removed_property_raises(self):
        server = self.serve(OLD_MODEL)
        meter = self.open(server.url)
        server.change('/Chassis/1/Power', PowerControl=[{'MemberId': '0'}])

        e = self.assertRaises(exception.ProtocolError, meter.read)

        self.assertIn('has no value for probe node', str(e))

    def test_malformed_service_root_raises(self):
        server = self.serve(BOTH_MODELS)
        for root in ({'Chassis': None}, {'Chassis': 'x'}, {'Id': None}):
            server.change('', **root)
            self.open_error(server.url)

    def test_reading_continues_after_controller_restart(self):
        server = self.serve(OLD_MODEL)
        meter = self.open(server.url)
        server.stop()

        e = self.assertRaises(exception.DeviceUnreachable, meter.read)
        self.assertIn('Connection refused', str(e))
        server.start()

        (reading,) = meter.read()
        self.assertEqual(95.0, reading.watts)


class ControllerTest(RedfishTest):
    def setUp(self):
        super().setUp()
        self.authority = self.useFixture(http.Authority())
        self.server = self.useFixture(
            redfish.Controller(BOTH_MODELS, self.authority.issue('127.0.0.1'))
        )
        self.trust = {'ca_file': self.authority.file}
        self.metrics = f'/redfish/v1{SYSTEM}/EnvironmentMetrics'

    def connect(self, *probes: str, **options: typing.Any) -> driver.Redfish:
        return self.open(self.server.url, *probes, **self.trust | options)

    def test_one_session_is_used_and_closed(self):
        meter = self.connect()
        for _ in range(3):
            meter.read()
        self.assertEqual(
            (1, 1), (self.server.logins, len(self.server.sessions))
        )

        meter.close()

        self.assertEqual(set(), self.server.sessions)

    def test_expired_session_is_renewed(self):
        meter = self.connect()
        self.server.sessions.clear()

        (reading,) = meter.read()

        self.assertEqual(210.5, reading.watts)
        self.assertEqual(2, self.server.logins)

    def test_wrong_password_is_rejected_without_quoting_it(self):
        text = self.open_error(self.server.url, **self.trust, password='wr0ng')

        self.assertIn('refused the credentials of user meter', text)
        self.assertNotIn('wr0ng', text)

    def test_changed_password_fails_when_session_expires(self):
        meter = self.connect()
        self.server.password = 'n3w'
        self.server.sessions.clear()

        self.assertRaises(exception.AuthenticationFailed, meter.read)

    def test_rejected_login_is_not_repeated_for_each_probe(self):
        self.server.resources = SENSORS
        meter = self.connect('a', 'b', source='power-supplies')
        self.server.password = 'n3w'
        self.server.sessions.clear()
        before = len(self.server.requests)

        self.assertRaises(exception.AuthenticationFailed, meter.read)

        paths = [request.path for request in self.server.requests[before:]]
        self.assertEqual(
            1, len([path for path in paths if path.endswith('Metrics')]), paths
        )

    def test_status_503_is_unreachable(self):
        meter = self.connect()
        self.server.statuses[self.metrics] = 503

        e = self.assertRaises(exception.DeviceUnreachable, meter.read)
        self.assertIn('answered 503', str(e))
        self.server.statuses.clear()

        self.assertEqual(1, len(meter.read()))

    def test_other_statuses_are_reported(self):
        meter = self.connect()
        for status, reason in (
            (404, 'not found'),
            (400, 'answered 400'),
            (403, 'expected an account that may read it'),
            (405, 'answered 405'),
        ):
            self.server.statuses[self.metrics] = status
            e = self.assertRaises(exception.ProtocolError, meter.read)
            self.assertIn(reason, str(e))

    def test_invalid_json_raises(self):
        meter = self.connect()
        answer = self.server.answer
        for body in (b'<html>', b'', b'[]', b'{"PowerWatts"'):
            self.server.answer = lambda _, body=body: http.Answer(body=body)
            self.assertRaises(exception.ProtocolError, meter.read)
        self.server.answer = answer

        self.assertEqual(1, len(meter.read()))

    def test_unresponsive_controller_costs_two_timeouts(self):
        self.server.resources = SENSORS
        meter = self.connect(
            'a', 'b', source='power-supplies', timeout=SHORT_TIMEOUT_S
        )
        done = threading.Event()
        self.addCleanup(done.set)
        answer = self.server.answer
        before = len(self.server.requests)

        def hang(_request: http.Request) -> http.Answer:
            done.wait()
            return http.Answer()

        self.server.answer = hang
        e = self.assertRaises(exception.DeviceUnreachable, meter.read)

        self.assertIn('not complete within 2 s', str(e))
        self.assertEqual(2, len(self.server.requests) - before)
        self.server.answer = answer

    def test_unknown_authority_is_rejected(self):
        self.assertIn(
            'certificate verify failed', self.open_error(self.server.url)
        )

    def test_certificate_of_other_host_is_rejected(self):
        url = self.server.url.replace('127.0.0.1', 'localhost')

        self.assertIn('localhost', self.open_error(url, **self.trust))

    def test_verification_can_be_disabled(self):
        self.assertEqual(
            1, len(self.open(self.server.url, verify=False).read())
        )

    def test_session_of_stopped_controller_is_abandoned(self):
        meter = self.connect()
        self.server.stop()

        meter.close()
        self.server.start()
        meter.close()

        self.assertEqual(
            [], [r for r in self.server.requests if r.method == 'DELETE']
        )

    def test_closed_port_is_unreachable(self):
        url = f'https://127.0.0.1:{services.free_port()}'

        self.assertIn('Connection refused', self.open_error(url))
