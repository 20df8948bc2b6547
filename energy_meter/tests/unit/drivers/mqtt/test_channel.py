# SPDX-License-Identifier: Apache-2.0

"""Readings from the messages of devices."""

import json
import types
import typing

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.mqtt import channel


def make(
    preset: str = 'none', name: str = 'plug', **options: object
) -> channel.Channel:
    values = {opt.dest: opt.default for opt in channel.OPTS}
    return channel.Channel(
        'p',
        name,
        types.SimpleNamespace(**values | {'preset': preset} | options),
    )


def receive(
    device: channel.Channel,
    topic: str,
    payload: object,
    retained: bool = False,
):
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return device.on_message(topic, text.encode(), retained)


class TasmotaTest(base.BaseTestCase):
    TOPIC = 'tele/plug/SENSOR'
    MESSAGE: typing.ClassVar = {
        'Time': '2026-02-03T04:05:06',
        'ENERGY': {'Total': 12.345, 'Today': 0.1, 'Power': 42},
    }

    def setUp(self):
        super().setUp()
        self.plug = make('tasmota')

    def test_subscribes_to_sensor_and_last_will(self):
        self.assertEqual({self.TOPIC, 'tele/plug/LWT'}, self.plug.topics)

    def test_message_has_power_and_energy(self):
        reading = receive(self.plug, self.TOPIC, self.MESSAGE)

        self.assertEqual(('p', 42.0, 12345), reading[:3])
        self.assertEqual(3600.0, reading.counter.resolution)

    def test_retained_message_is_not_a_reading(self):
        self.assertIsNone(receive(self.plug, self.TOPIC, self.MESSAGE, True))

    def test_message_of_another_sensor_is_not_a_reading(self):
        self.assertIsNone(
            receive(self.plug, self.TOPIC, {'DS18B20': {'Temperature': 20}})
        )

    def test_unavailable_power_is_not_a_reading(self):
        for power in (None, 'nan', [None]):
            self.assertIsNone(
                receive(
                    make('tasmota'), self.TOPIC, {'ENERGY': {'Power': power}}
                )
            )

    def test_power_without_energy_has_the_previous_energy(self):
        receive(self.plug, self.TOPIC, self.MESSAGE)

        reading = receive(self.plug, self.TOPIC, {'ENERGY': {'Power': 43}})

        self.assertEqual(('p', 43.0, 12345), reading[:3])

    def test_truncated_message_is_an_error(self):
        e = self.assertRaises(
            exception.ProtocolError,
            receive,
            self.plug,
            self.TOPIC,
            '{"ENERGY": {"Pow',
        )

        self.assertIn('tele/plug/SENSOR: not JSON', str(e))

    def test_offline_is_an_error_and_discards_the_energy(self):
        receive(self.plug, self.TOPIC, self.MESSAGE)

        e = self.assertRaises(
            exception.DeviceUnreachable,
            receive,
            self.plug,
            'tele/plug/LWT',
            'Offline',
            True,
        )

        self.assertIn('plug did not answer: tele/plug/LWT reports', str(e))
        reading = receive(self.plug, self.TOPIC, {'ENERGY': {'Power': 43}})
        self.assertIsNone(reading.ticks)

    def test_online_is_not_a_reading(self):
        self.assertIsNone(receive(self.plug, 'tele/plug/LWT', 'Online', True))


class ChannelsTest(base.BaseTestCase):
    TOPIC = 'tele/plug/SENSOR'

    def read(self, name: str, power: object, total: object):
        return receive(
            make('tasmota', name),
            self.TOPIC,
            {'ENERGY': {'Power': power, 'Total': total}},
        )

    def error_text(self, name: str, power: object, total: object) -> str:
        return str(
            self.assertRaises(
                exception.ProtocolError, self.read, name, power, total
            )
        )

    def test_each_channel_has_its_own_power_and_counter(self):
        for name, expected in (
            ('plug:0', ('p', 42.0, 12_345)),
            ('plug:1', ('p', 7.0, 500)),
        ):
            reading = self.read(name, [42, 7], [12.345, 0.5])

            self.assertEqual(expected, reading[:3])

    def test_channel_of_a_single_counter_is_an_error(self):
        # The counter of the whole device would be billed for each channel.
        self.assertIn(
            'energy_path = ENERGY.Total is a single value, not that of '
            'channel 1',
            self.error_text('plug:1', [42, 7], 12.345),
        )

    def test_channel_of_a_single_power_is_an_error(self):
        self.assertIn(
            'watts_path = ENERGY.Power is a single value',
            self.error_text('plug:1', 42, [12.345, 0.5]),
        )

    def test_list_without_a_channel_is_an_error(self):
        self.assertIn(
            'is a list of 2 values: choose one as the channel',
            self.error_text('plug', [42, 7], [12.345, 0.5]),
        )

    def test_absent_channel_is_an_error(self):
        self.assertIn(
            'is a list of 2 values, without channel 2',
            self.error_text('plug:2', [42, 7], [12.345, 0.5]),
        )

    def test_object_is_an_error(self):
        self.assertIn(
            'is an object, expected a number', self.error_text('plug', {}, 1)
        )

    def test_list_of_one_needs_no_channel(self):
        self.assertEqual(
            ('p', 42.0, 12_345), self.read('plug', [42], [12.345])[:3]
        )

    def test_null_of_a_channel_is_unavailable(self):
        reading = self.read('plug:1', [42, None], [12.345, 0.5])

        self.assertEqual((None, 500), reading[1:3])


class SilentCounterTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.monotonic = 1000.0
        self.useFixture(
            fixtures.MonkeyPatch('time.monotonic', lambda: self.monotonic)
        )
        self.device = make('shelly-gen1', max_energy_age=300.0)

    def read(self, watts: str):
        return receive(self.device, 'shellies/plug/relay/0/power', watts)

    def count(self, energy: str) -> None:
        receive(self.device, 'shellies/plug/relay/0/energy', energy)

    def test_power_goes_on_alone_after_the_counter_became_silent(self):
        # Given a counter that is not published any more,
        self.count('1000')
        self.monotonic += 300
        self.assertEqual(('p', 200.0, 1000), self.read('200')[:3])

        # when it is silent for longer than max_energy_age,
        self.monotonic += 1
        reading = self.read('200')

        # then the old value is not repeated as if nothing had been used.
        self.assertEqual(('p', 200.0, None, None), reading[:4])
        self.assertEqual(
            'shellies/plug/relay/0/energy', self.device.silent_topic
        )

    def test_counter_that_is_back_is_reported_again(self):
        self.count('1000')
        self.monotonic += 1800
        self.read('200')

        self.count('7000')
        reading = self.read('200')

        self.assertEqual(('p', 200.0, 7000), reading[:3])
        self.assertIsNone(self.device.silent_topic)

    def test_device_without_counter_is_not_silent(self):
        self.assertIsNone(self.read('200').ticks)
        self.assertIsNone(self.device.silent_topic)


class ShellyTest(base.BaseTestCase):
    def test_generation_1_sends_separate_power_and_watt_minutes(self):
        device = make('shelly-gen1', 'shellyplug-s-1')
        topic = 'shellies/shellyplug-s-1/relay/0'

        self.assertEqual(
            ('p', 60.5, None), receive(device, f'{topic}/power', '60.50')[:3]
        )
        self.assertIsNone(receive(device, f'{topic}/energy', '1000'))
        reading = receive(device, f'{topic}/power', '61')

        self.assertEqual(('p', 61.0, 1000), reading[:3])
        self.assertEqual(60.0, reading.counter.joules_per_tick)

    def test_generation_2_sends_power_and_watt_hours(self):
        device = make('shelly-gen2', 'shellypro4pm-1:3')

        reading = receive(
            device,
            'shellypro4pm-1/status/switch:3',
            {
                'id': 3,
                'apower': 12.5,
                'aenergy': {'total': 1234.567, 'by_minute': [1, 2, 3]},
            },
        )

        self.assertEqual(('p', 12.5, 1234567), reading[:3])
        self.assertAlmostEqual(3.6, reading.counter.joules_per_tick)

    def test_generation_1_energy_meter_sends_watt_hours(self):
        device = make('shelly-gen1-em', 'shellyem3-1:2')
        topic = 'shellies/shellyem3-1/emeter/2'

        receive(device, f'{topic}/total', '1234.5')
        reading = receive(device, f'{topic}/power', '7.50')

        self.assertEqual(('p', 7.5, 1_234_500), reading[:3])
        self.assertAlmostEqual(3.6, reading.counter.joules_per_tick)

    def test_generation_2_plug_without_switch_sends_watt_hours(self):
        device = make('shelly-gen2-pm1', 'shellypmminig3-1')

        reading = receive(
            device,
            'shellypmminig3-1/status/pm1:0',
            {'id': 0, 'apower': 8.9, 'aenergy': {'total': 6532.043}},
        )

        self.assertEqual(('p', 8.9, 6_532_043), reading[:3])

    def test_generation_2_energy_meters_send_power_and_energy_apart(self):
        for preset, component, power, total in (
            ('shelly-gen2-em1', 'em1', 'act_power', 'total_act_energy'),
            ('shelly-gen2-em', 'em', 'total_act_power', 'total_act'),
        ):
            device = make(preset, 'shellypro-1')
            status = 'shellypro-1/status'

            receive(device, f'{status}/{component}data:0', {total: 2776.25})
            reading = receive(device, f'{status}/{component}:0', {power: 85.3})

            self.assertEqual(('p', 85.3, 2_776_250), reading[:3])

    def test_channel_is_part_of_the_topic(self):
        self.assertIn(
            'shellies/shelly25-1/relay/1/power',
            make('shelly-gen1', 'shelly25-1:1').topics,
        )

    def test_false_is_offline(self):
        device = make('shelly-gen1', 'shellyplug-s-1')

        self.assertRaises(
            exception.DeviceUnreachable,
            receive,
            device,
            'shellies/shellyplug-s-1/online',
            'false',
        )


class CustomTest(base.BaseTestCase):
    def test_payload_may_be_a_bare_number(self):
        device = make(watts_topic='rack/{device}/w')

        self.assertEqual(5.5, receive(device, 'rack/plug/w', '5.5').watts)

    def test_meter_without_power_has_only_energy(self):
        device = make(
            energy_topic='rack/{device}',
            energy_path='wh',
            energy_unit='Wh',
            energy_step=1.0,
        )

        self.assertEqual(7, receive(device, 'rack/plug', {'wh': 7}).ticks)
        self.assertIsNone(receive(device, 'rack/plug', {'v': 230}))

    def test_channels_may_share_a_topic(self):
        device = make(
            watts_topic='rack', watts_path='"{device}".w', name='b-2'
        )

        reading = receive(device, 'rack', {'a-1': {'w': 1}, 'b-2': {'w': 2}})

        self.assertEqual(2.0, reading.watts)

    def test_without_topics_is_an_error(self):
        e = self.assertRaises(exception.DriverError, make)

        self.assertIn('expected a preset, watts_topic or energy_topic', str(e))
