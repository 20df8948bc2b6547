# SPDX-License-Identifier: Apache-2.0


"""Tests of finding power and energy in Redfish resources."""

import typing

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.redfish import sources
from energy_meter.tests.unit.drivers.redfish import resources

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


def value(controller, source):
    return source.extract(controller.get(source.path))


class EnvironmentTest(base.BaseTestCase):
    CHASSIS: typing.ClassVar = {
        'EnvironmentMetrics': {'@odata.id': '/metrics'}
    }

    def test_power_and_energy_are_read_from_excerpts(self):
        controller = resources.serve(
            metrics={
                'PowerWatts': {'Reading': 210.5},
                'EnergykWh': {'Reading': 12.3},
            }
        )

        (channel,) = sources.environment(controller, self.CHASSIS, ()).values()

        self.assertEqual(210.5, value(controller, channel.watts))
        self.assertEqual(12.3, value(controller, channel.energy))

    def test_null_power_is_returned_as_none(self):
        for watts in (None, {'Reading': None}, {}):
            controller = resources.serve(metrics={'PowerWatts': watts})
            (channel,) = sources.environment(
                controller, self.CHASSIS, ()
            ).values()
            self.assertIsNone(value(controller, channel.watts))

    def test_metrics_without_power_have_no_channel(self):
        for controller in (
            resources.serve(metrics={'TemperatureCelsius': {}}),
            resources.serve(),
        ):
            self.assertEqual(
                {}, sources.environment(controller, self.CHASSIS, ())
            )
        for chassis in (
            {},
            {'EnvironmentMetrics': None},
            {'EnvironmentMetrics': 'metrics'},
        ):
            self.assertEqual(
                {}, sources.environment(resources.serve(), chassis, ())
            )


class PowerControlTest(base.BaseTestCase):
    CHASSIS: typing.ClassVar = {'Power': {'@odata.id': '/power'}}

    def find(self, power, *names):
        controller = resources.serve(power=power)
        channels = sources.power_control(controller, self.CHASSIS, names)
        return {
            name: value(controller, channel.watts)
            for name, channel in channels.items()
        }

    def test_only_entry_is_selected(self):
        self.assertEqual(
            {'0': 95},
            self.find(
                {'PowerControl': [{'MemberId': '0', 'PowerConsumedWatts': 95}]}
            ),
        )

    def test_several_entries_without_names_are_rejected(self):
        e = self.assertRaises(exception.ProtocolError, self.find, LENOVO)

        self.assertIn(
            'set channels to some of Server Power Control, CPU Sub-system '
            'Power',
            str(e),
        )

    def test_entries_are_selected_by_member_id_name_or_index(self):
        for name in ('0', 'Server Power Control'):
            self.assertEqual({name: 300}, self.find(LENOVO, name))
        nameless = {
            'PowerControl': [
                {'PowerConsumedWatts': 1},
                {'PowerConsumedWatts': 2},
            ]
        }
        self.assertEqual({'1': 2}, self.find(nameless, '1'))

    def test_entry_is_found_after_reordering(self):
        controller = resources.serve(power=LENOVO)
        (channel,) = sources.power_control(
            controller, self.CHASSIS, ['CPU Sub-system Power']
        ).values()

        reordered = {'PowerControl': LENOVO['PowerControl'][::-1]}

        self.assertEqual(120, channel.watts.extract(reordered))

    def test_ambiguous_name_selects_no_entry(self):
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

    def test_entries_without_power_are_skipped(self):
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

    def test_power_without_entries_has_no_channel(self):
        for power in (
            {},
            {'PowerControl': None},
            {'PowerControl': [None]},
            {'PowerControl': 'x'},
        ):
            self.assertEqual({}, self.find(power))


class SensorTest(base.BaseTestCase):
    CHASSIS: typing.ClassVar = {'Sensors': {'@odata.id': '/sensors'}}

    def controller(self, reading_type):
        return resources.serve(
            sensors={'Members': [{'@odata.id': '/total'}, None, {}]},
            total={'Reading': 5, 'ReadingType': reading_type},
        )

    def test_energy_sensor_has_unit_of_its_type(self):
        for reading_type, unit in (
            ('EnergykWh', 'kWh'),
            ('EnergyWh', 'Wh'),
            ('EnergyJoules', 'J'),
        ):
            source = sources.energy_sensor(
                self.controller(reading_type), self.CHASSIS, 'total'
            )
            self.assertEqual(('/total', unit), (source.path, source.unit))

    def test_other_sensors_are_rejected(self):
        for name, chassis in (
            ('total', self.CHASSIS),
            ('x', self.CHASSIS),
            ('total', {}),
        ):
            e = self.assertRaises(
                exception.ProtocolError,
                sources.energy_sensor,
                self.controller('Power'),
                chassis,
                name,
            )
            self.assertIn(f'no sensor {name} of type EnergykWh', str(e))

    def test_power_sensors_are_found_by_id(self):
        channels = sources.power_sensors(
            self.controller('Power'), self.CHASSIS, ['total', 'x']
        )

        self.assertEqual(['total'], list(channels))
