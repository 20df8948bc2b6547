# SPDX-License-Identifier: Apache-2.0


"""Management controllers: mockups of several vendors, logins and faults.

The mockups have the shapes that the vendors' controllers show, cut down to
what concerns power.
"""

import threading
import typing
from unittest import mock

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.redfish import driver
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import http
from energy_meter.tests.functional.services import redfish

#: A rack server of a vendor that has both the old and the new model.
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

#: A server with the old model alone, whose only entry has no name.
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

#: A server whose PowerControl shows parts of the whole beside the whole.
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

#: A controller of open firmware: sensors and power supplies, no Power.
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
                    'Metrics': f'->/PowerSubsystem/PowerSupplies/PSU{n}/Metrics'
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

    def refuse(self, url: str, *probes: str, **options: typing.Any) -> str:
        return str(
            self.assertRaises(
                exception.DriverError, self.open, url, *probes, **options
            )
        )


class VendorsTest(RedfishTest):
    def serve(self, resources: redfish.Resources) -> redfish.StaticRedfish:
        return self.useFixture(redfish.StaticRedfish(resources))

    def test_environment_metrics_are_preferred_and_have_a_counter(self):
        server = self.serve(BOTH_MODELS)

        (reading,) = self.open(server.url).read()

        self.assertEqual(('node', 210.5, 1_234_567), reading[:3])
        self.assertEqual(3600.0, reading.counter.joules)

    def test_power_supplies_are_listed_for_whoever_names_no_probes(self):
        meter = self.open(
            self.serve(SENSORS).url, None, source='power-supplies'
        )

        self.assertEqual(
            ['PSU1', 'PSU2'], [outlet.name for outlet in meter.outlets()]
        )

    def test_what_changes_shows_at_once(self):
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

    def test_the_old_model_has_power_alone(self):
        (reading,) = self.open(self.serve(OLD_MODEL).url).read()

        self.assertEqual(('node', 95.0, None), reading[:3])

    def test_the_old_model_can_be_chosen(self):
        (reading,) = self.open(
            self.serve(BOTH_MODELS).url, source='power-control'
        ).read()

        self.assertEqual(209.0, reading.watts)

    def test_of_several_entries_none_is_taken_or_summed_unasked(self):
        self.assertIn(
            'several PowerControl entries: choose with outlets from Server '
            'Power Control, CPU Sub-system Power, Memory Sub-system Power',
            self.refuse(self.serve(WHOLE_AND_PARTS).url),
        )

    def test_entries_are_chosen_by_name_member_id_or_index(self):
        server = self.serve(WHOLE_AND_PARTS)

        readings = self.open(
            server.url,
            'a',
            'b',
            outlets=['Memory Sub-system Power', '0'],
            source='power-control',
        ).read()

        self.assertEqual(
            [('a', 40.0), ('b', 300.0)], [reading[:2] for reading in readings]
        )

    def test_an_entry_that_does_not_exist_is_named(self):
        self.assertIn(
            'outlets: nothing called GPU',
            self.refuse(
                self.serve(WHOLE_AND_PARTS).url, 'a', 'b', outlets=['0', 'GPU']
            ),
        )

    def test_power_supplies_are_probes(self):
        server = self.serve(SENSORS)

        readings = self.open(
            server.url, 'a', 'b', source='power-supplies'
        ).read()

        self.assertEqual(
            [('a', 91.0, 10_000), ('b', 92.0, 20_000)],
            [reading[:3] for reading in readings],
        )

    def test_a_power_supply_that_is_pulled_costs_only_its_probe(self):
        server = self.serve(SENSORS)
        meter = self.open(server.url, 'a', 'b', source='power-supplies')
        server.remove(f'{SUPPLIES}/PSU1/Metrics')

        self.assertEqual(['b'], [reading.probe for reading in meter.read()])

    def test_sensors_are_probes_and_may_count_energy(self):
        server = self.serve(SENSORS)
        for sensor, ticks, joules in (
            ('energy_total', 777, 360_000.0),
            ('energy_joules', 50_005, 0.1),
        ):
            (reading,) = self.open(
                server.url,
                source='sensors',
                outlets=['power_total'],
                energy_sensors=[sensor],
                energy_step=0.1,
            ).read()

            self.assertEqual((180.25, ticks), reading[1:3])
            self.assertAlmostEqual(joules, reading.counter.joules)

    def test_a_sensor_of_something_else_is_refused(self):
        self.assertIn(
            'no sensor temp_inlet of the types',
            self.refuse(
                self.serve(SENSORS).url,
                source='sensors',
                outlets=['power_total'],
                energy_sensors=['temp_inlet'],
            ),
        )
        self.assertIn(
            'no chassis shows source = sensors for outlets = temp_inlet',
            self.refuse(
                self.serve(SENSORS).url,
                source='sensors',
                outlets=['temp_inlet'],
            ),
        )

    def test_a_controller_without_power_says_so(self):
        self.assertIn(
            'no chassis shows source = auto',
            self.refuse(self.serve(SENSORS).url),
        )

    def test_the_chassis_can_be_chosen(self):
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
            'several chassis show power: set chassis to one of Blade1, Blade2',
            self.refuse(server.url),
        )
        self.assertIn(
            'no chassis Blade3', self.refuse(server.url, chassis='Blade3')
        )
        (reading,) = self.open(server.url, chassis='Blade2').read()
        self.assertEqual(200.0, reading.watts)

    def test_null_is_no_reading(self):
        server = self.serve(BOTH_MODELS)
        meter = self.open(server.url)
        for watts in (None, {'Reading': None}, {}):
            server.change(f'{SYSTEM}/EnvironmentMetrics', PowerWatts=watts)
            (reading,) = meter.read()
            self.assertEqual((None, 1_234_567), reading[1:3])
        server.change(f'{SYSTEM}/EnvironmentMetrics', EnergykWh=None)

        self.assertEqual([], meter.read())

    def test_a_missing_link_is_a_missing_source(self):
        server = self.serve(BOTH_MODELS)
        server.change(SYSTEM, EnvironmentMetrics=None)

        (reading,) = self.open(server.url).read()

        self.assertEqual(209.0, reading.watts)
        server.change(SYSTEM, Power={})
        self.assertIn('no chassis shows', self.refuse(server.url))

    def test_a_link_to_nowhere_is_a_missing_source(self):
        server = self.serve(BOTH_MODELS)
        server.remove(f'{SYSTEM}/EnvironmentMetrics')

        (reading,) = self.open(server.url).read()

        self.assertEqual(209.0, reading.watts)

    def test_a_resource_that_vanishes_is_an_error(self):
        server = self.serve(BOTH_MODELS)
        meter = self.open(server.url)
        server.remove(f'{SYSTEM}/EnvironmentMetrics')

        e = self.assertRaises(exception.ProtocolError, meter.read)

        self.assertIn('EnvironmentMetrics not found', str(e))

    def test_a_property_that_vanishes_is_an_error(self):
        server = self.serve(OLD_MODEL)
        meter = self.open(server.url)
        server.change('/Chassis/1/Power', PowerControl=[{'MemberId': '0'}])

        e = self.assertRaises(exception.ProtocolError, meter.read)

        self.assertIn('does not show probe node any more', str(e))

    def test_a_service_that_makes_no_sense_is_an_error(self):
        server = self.serve(BOTH_MODELS)
        for root in ({'Chassis': None}, {'Chassis': 'x'}, {'Id': None}):
            server.change('', **root)
            self.refuse(server.url)

    def test_a_restarted_controller_is_read_on(self):
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

    def test_one_session_serves_many_readings_and_is_ended(self):
        meter = self.connect()
        for _ in range(3):
            meter.read()
        self.assertEqual(
            (1, 1), (self.server.logins, len(self.server.sessions))
        )

        meter.close()

        self.assertEqual(set(), self.server.sessions)

    def test_an_expired_session_costs_no_reading(self):
        meter = self.connect()
        self.server.sessions.clear()

        (reading,) = meter.read()

        self.assertEqual(210.5, reading.watts)
        self.assertEqual(2, self.server.logins)

    def test_a_wrong_password_is_told_without_it(self):
        text = self.refuse(self.server.url, **self.trust, password='wr0ng')

        self.assertIn('refused the credentials of user meter', text)
        self.assertNotIn('wr0ng', text)

    def test_a_changed_password_is_an_error_when_the_session_ends(self):
        meter = self.connect()
        self.server.password = 'n3w'
        self.server.sessions.clear()

        self.assertRaises(exception.AuthenticationFailed, meter.read)

    def test_a_refused_user_is_not_tried_for_each_probe(self):
        self.server.resources = SENSORS
        meter = self.connect('a', 'b', source='power-supplies')
        self.server.password = 'n3w'
        self.server.sessions.clear()
        before = len(self.server.requests)

        self.assertRaises(exception.AuthenticationFailed, meter.read)

        asked = [request.path for request in self.server.requests[before:]]
        self.assertEqual(
            1, len([path for path in asked if path.endswith('Metrics')]), asked
        )

    def test_a_controller_that_is_busy_is_unreachable_until_it_is_not(self):
        meter = self.connect()
        self.server.statuses[self.metrics] = 503

        e = self.assertRaises(exception.DeviceUnreachable, meter.read)
        self.assertIn('it answers 503', str(e))
        self.server.statuses.clear()

        self.assertEqual(1, len(meter.read()))

    def test_other_answers_are_told(self):
        meter = self.connect()
        for status, text in (
            (404, 'not found'),
            (400, 'it answers 400'),
            (405, 'it answers 405'),
        ):
            self.server.statuses[self.metrics] = status
            e = self.assertRaises(exception.ProtocolError, meter.read)
            self.assertIn(text, str(e))

    def test_an_answer_that_is_no_json_is_an_error(self):
        meter = self.connect()
        answer = self.server.answer
        for body in (b'<html>', b'', b'[]', b'{"PowerWatts"'):
            self.server.answer = lambda _, body=body: http.Answer(body=body)
            self.assertRaises(exception.ProtocolError, meter.read)
        self.server.answer = answer

        self.assertEqual(1, len(meter.read()))

    def test_a_controller_that_hangs_is_given_up_after_one_timeout(self):
        self.server.resources = SENSORS
        meter = self.connect('a', 'b', source='power-supplies', timeout=0.5)
        done = threading.Event()
        self.addCleanup(done.set)
        answer = self.server.answer
        before = len(self.server.requests)

        def hang(_request: http.Request) -> http.Answer:
            done.wait()
            return http.Answer()

        self.server.answer = hang
        e = self.assertRaises(exception.DeviceUnreachable, meter.read)

        self.assertIn('timed out', str(e))
        self.assertEqual(1, len(self.server.requests) - before)
        self.server.answer = answer

    def test_an_unknown_authority_is_refused(self):
        self.assertIn(
            'certificate verify failed', self.refuse(self.server.url)
        )

    def test_a_certificate_of_another_host_is_refused(self):
        url = self.server.url.replace('127.0.0.1', 'localhost')

        self.assertIn('localhost', self.refuse(url, **self.trust))

    def test_verification_can_be_turned_off(self):
        self.assertEqual(
            1, len(self.open(self.server.url, verify=False).read())
        )

    def test_closing_a_dead_controller_is_no_error_and_no_second_try(self):
        meter = self.connect()
        self.server.stop()

        meter.close()
        with mock.patch.object(meter._controller._connector, 'delete') as end:
            meter.close()
        self.server.start()

        end.assert_not_called()

    def test_a_controller_that_is_not_there_is_unreachable(self):
        url = f'https://127.0.0.1:{services.free_port()}'

        self.assertIn('Connection refused', self.refuse(url))
