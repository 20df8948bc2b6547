# SPDX-License-Identifier: Apache-2.0


"""Values are found where controllers of several vendors put them."""

from unittest import mock

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.redfish import places
from energy_meter.drivers.redfish import service

LENOVO = {
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
    ]
}


class Controller:
    """A service that has these resources."""

    error = service.Service.error
    name = 'https://bmc'

    def __init__(self, **resources):
        self.resources = {
            f'/{name}': resource for name, resource in resources.items()
        }

    def get(self, path):
        if path not in self.resources:
            raise service.NoSuchResource(device='bmc', reason=path)
        return self.resources[path]

    members = service.Service.members


def value(controller, place):
    return place.find(controller.get(place.path))


class EnvironmentTest(base.BaseTestCase):
    CHASSIS = {'EnvironmentMetrics': {'@odata.id': '/metrics'}}

    def test_power_and_energy_are_excerpts_of_sensors(self):
        controller = Controller(
            metrics={
                'PowerWatts': {'Reading': 210.5},
                'EnergykWh': {'Reading': 12.3},
            }
        )

        (point,) = places.environment(controller, self.CHASSIS, ()).values()

        self.assertEqual(210.5, value(controller, point.watts))
        self.assertEqual(12.3, value(controller, point.energy))

    def test_null_is_found_as_null(self):
        for watts in (None, {'Reading': None}, {}):
            controller = Controller(metrics={'PowerWatts': watts})
            (point,) = places.environment(
                controller, self.CHASSIS, ()
            ).values()
            self.assertIsNone(value(controller, point.watts))

    def test_metrics_without_power_are_none(self):
        for controller in (
            Controller(metrics={'TemperatureCelsius': {}}),
            Controller(),
        ):
            self.assertEqual(
                {}, places.environment(controller, self.CHASSIS, ())
            )
        for chassis in (
            {},
            {'EnvironmentMetrics': None},
            {'EnvironmentMetrics': 'metrics'},
        ):
            self.assertEqual({}, places.environment(Controller(), chassis, ()))


class PowerControlTest(base.BaseTestCase):
    CHASSIS = {'Power': {'@odata.id': '/power'}}

    def find(self, power, *names):
        controller = Controller(power=power)
        points = places.power_control(controller, self.CHASSIS, names)
        return {
            name: value(controller, point.watts)
            for name, point in points.items()
        }

    def test_an_only_entry_is_taken(self):
        self.assertEqual(
            {'0': 95},
            self.find(
                {'PowerControl': [{'MemberId': '0', 'PowerConsumedWatts': 95}]}
            ),
        )

    def test_of_several_none_is_taken_unasked(self):
        e = self.assertRaises(exception.ProtocolError, self.find, LENOVO)

        self.assertIn(
            'choose with outlets from Server Power Control, CPU '
            'Sub-system Power',
            str(e),
        )

    def test_entries_are_chosen_by_member_id_name_or_index(self):
        for name in ('0', 'Server Power Control'):
            self.assertEqual({name: 300}, self.find(LENOVO, name))
        nameless = {
            'PowerControl': [
                {'PowerConsumedWatts': 1},
                {'PowerConsumedWatts': 2},
            ]
        }
        self.assertEqual({'1': 2}, self.find(nameless, '1'))

    def test_an_entry_stays_itself_when_the_order_changes(self):
        controller = Controller(power=LENOVO)
        (point,) = places.power_control(
            controller, self.CHASSIS, ['CPU Sub-system Power']
        ).values()

        turned = {'PowerControl': LENOVO['PowerControl'][::-1]}

        self.assertEqual(120, point.watts.find(turned))

    def test_a_name_that_two_entries_have_chooses_none(self):
        self.assertEqual(
            {},
            self.find(
                {
                    'PowerControl': [
                        {'Name': 'x', 'PowerConsumedWatts': 1},
                        {'Name': 'x', 'PowerConsumedWatts': 2},
                    ]
                },
                'x',
            ),
        )

    def test_entries_that_only_limit_are_no_meters(self):
        self.assertEqual(
            {'a': None},
            self.find(
                {
                    'PowerControl': [
                        {'Name': 'limit', 'PowerLimit': {}},
                        {'Name': 'a', 'PowerConsumedWatts': None},
                    ]
                }
            ),
        )

    def test_power_without_entries_is_none(self):
        for power in (
            {},
            {'PowerControl': None},
            {'PowerControl': [None]},
            {'PowerControl': 'x'},
        ):
            self.assertEqual({}, self.find(power))


class SensorTest(base.BaseTestCase):
    CHASSIS = {'Sensors': {'@odata.id': '/sensors'}}

    def controller(self, kind):
        return Controller(
            sensors={'Members': [{'@odata.id': '/total'}, None, {}]},
            total={'Reading': 5, 'ReadingType': kind},
        )

    def test_energy_sensors_tell_their_unit(self):
        for kind, unit in (
            ('EnergykWh', 'kWh'),
            ('EnergyWh', 'Wh'),
            ('EnergyJoules', 'J'),
        ):
            place = places.energy_sensor(
                self.controller(kind), self.CHASSIS, 'total'
            )
            self.assertEqual(('/total', unit), (place.path, place.unit))

    def test_other_sensors_are_refused(self):
        for name, chassis in (
            ('total', self.CHASSIS),
            ('x', self.CHASSIS),
            ('total', {}),
        ):
            e = self.assertRaises(
                exception.ProtocolError,
                places.energy_sensor,
                self.controller('Power'),
                chassis,
                name,
            )
            self.assertIn(f'no sensor {name} of the types EnergykWh', str(e))

    def test_power_sensors_are_found_by_their_ids(self):
        points = places.power_sensors(
            self.controller('Power'), self.CHASSIS, ['total', 'x']
        )

        self.assertEqual(['total'], list(points))


class ServiceTest(base.BaseTestCase):
    def test_whatever_the_library_raises_is_an_error_of_the_project(self):
        connection = mock.Mock(
            **{
                'name': 'https://bmc',
                'error': lambda reason: exception.ProtocolError(
                    device='bmc', reason=reason
                ),
            }
        )

        def broken():
            raise AttributeError("'NoneType' object has no attribute 'get'")

        self.assertRaises(
            exception.ProtocolError, service.Service._call, connection, broken
        )
