# SPDX-License-Identifier: Apache-2.0


"""Messages of devices make readings; old and partial ones don't."""

import json
import types

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.mqtt import outlet


def make(
    preset: str = 'none', name: str = 'plug', **options: object
) -> outlet.Outlet:
    values = {opt.dest: opt.default for opt in outlet.OPTS}
    return outlet.Outlet(
        'p',
        name,
        types.SimpleNamespace(**values | {'preset': preset} | options),
    )


def hear(
    device: outlet.Outlet, topic: str, payload: object, retained: bool = False
):
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return device.hear(topic, text.encode(), retained)


class TasmotaTest(base.BaseTestCase):
    TOPIC = 'tele/plug/SENSOR'
    MESSAGE = {
        'Time': '2026-02-03T04:05:06',
        'ENERGY': {'Total': 12.345, 'Today': 0.1, 'Power': 42},
    }

    def setUp(self):
        super().setUp()
        self.plug = make('tasmota')

    def test_it_subscribes_to_its_sensor_and_its_last_will(self):
        self.assertEqual({self.TOPIC, 'tele/plug/LWT'}, self.plug.topics)

    def test_watts_and_kwh_come_in_one_message(self):
        reading = hear(self.plug, self.TOPIC, self.MESSAGE)

        self.assertEqual(('p', 42.0, 12345), reading[:3])
        self.assertEqual(3600.0, reading.counter.resolution)

    def test_what_is_retained_is_no_reading(self):
        self.assertIsNone(hear(self.plug, self.TOPIC, self.MESSAGE, True))

    def test_messages_of_other_sensors_are_no_reading(self):
        self.assertIsNone(
            hear(self.plug, self.TOPIC, {'DS18B20': {'Temperature': 20}})
        )

    def test_power_that_is_not_there_is_no_reading(self):
        for power in (None, 'nan', [1, 2], {}):
            self.assertIsNone(
                hear(make('tasmota'), self.TOPIC, {'ENERGY': {'Power': power}})
            )

    def test_without_its_total_the_last_one_is_taken_along(self):
        hear(self.plug, self.TOPIC, self.MESSAGE)

        reading = hear(self.plug, self.TOPIC, {'ENERGY': {'Power': 43}})

        self.assertEqual(('p', 43.0, 12345), reading[:3])

    def test_half_a_message_is_an_error(self):
        e = self.assertRaises(
            exception.ProtocolError,
            hear,
            self.plug,
            self.TOPIC,
            '{"ENERGY": {"Pow',
        )

        self.assertIn('tele/plug/SENSOR: no JSON', str(e))

    def test_offline_is_an_error_and_forgets_the_energy(self):
        hear(self.plug, self.TOPIC, self.MESSAGE)

        e = self.assertRaises(
            exception.DeviceUnreachable,
            hear,
            self.plug,
            'tele/plug/LWT',
            'Offline',
            True,
        )

        self.assertIn('plug did not answer: tele/plug/LWT says', str(e))
        reading = hear(self.plug, self.TOPIC, {'ENERGY': {'Power': 43}})
        self.assertIsNone(reading.ticks)

    def test_online_is_nothing_special(self):
        self.assertIsNone(hear(self.plug, 'tele/plug/LWT', 'Online', True))


class ShellyTest(base.BaseTestCase):
    def test_generation_1_sends_watts_and_watt_minutes_apart(self):
        device = make('shelly-gen1', 'shellyplug-s-1')
        topic = 'shellies/shellyplug-s-1/relay/0'

        self.assertEqual(
            ('p', 60.5, None), hear(device, f'{topic}/power', '60.50')[:3]
        )
        self.assertIsNone(hear(device, f'{topic}/energy', '1000'))
        reading = hear(device, f'{topic}/power', '61')

        self.assertEqual(('p', 61.0, 1000), reading[:3])
        self.assertEqual(60.0, reading.counter.joules)

    def test_generation_2_sends_watts_and_watt_hours_together(self):
        device = make('shelly-gen2', 'shellypro4pm-1:3')

        reading = hear(
            device,
            'shellypro4pm-1/status/switch:3',
            {
                'id': 3,
                'apower': 12.5,
                'aenergy': {'total': 1234.567, 'by_minute': [1, 2, 3]},
            },
        )

        self.assertEqual(('p', 12.5, 1234567), reading[:3])
        self.assertAlmostEqual(3.6, reading.counter.joules)

    def test_the_channel_is_part_of_the_topic(self):
        self.assertIn(
            'shellies/shelly25-1/relay/1/power',
            make('shelly-gen1', 'shelly25-1:1').topics,
        )

    def test_offline_is_false(self):
        device = make('shelly-gen1', 'shellyplug-s-1')

        self.assertRaises(
            exception.DeviceUnreachable,
            hear,
            device,
            'shellies/shellyplug-s-1/online',
            'false',
        )


class CustomTest(base.BaseTestCase):
    def test_a_bare_number_is_the_value(self):
        device = make(watts_topic='rack/{device}/w')

        self.assertEqual(5.5, hear(device, 'rack/plug/w', '5.5').watts)

    def test_a_meter_without_power_is_read_by_its_energy(self):
        device = make(
            energy_topic='rack/{device}',
            energy_path='wh',
            energy_unit='Wh',
            energy_step=1.0,
        )

        self.assertEqual(7, hear(device, 'rack/plug', {'wh': 7}).ticks)
        self.assertIsNone(hear(device, 'rack/plug', {'v': 230}))

    def test_several_outlets_may_share_a_topic(self):
        device = make(
            watts_topic='rack', watts_path='"{device}".w', name='b-2'
        )

        reading = hear(device, 'rack', {'a-1': {'w': 1}, 'b-2': {'w': 2}})

        self.assertEqual(2.0, reading.watts)

    def test_without_any_topic_it_says_what_was_expected(self):
        e = self.assertRaises(exception.DriverError, make)

        self.assertIn('expected a preset, watts_topic or energy_topic', str(e))
