# SPDX-License-Identifier: Apache-2.0


"""The MQTT driver says what is wrong with its options, or a broker's answer."""

from unittest import mock

from oslotest import base
from paho.mqtt import packettypes
from paho.mqtt import reasoncodes
import paho.mqtt.client

from energy_meter import exception
from energy_meter.drivers.mqtt import driver
from energy_meter.tests import drivers


class OptionsTest(base.BaseTestCase):
    def refuse(self, *probes: str, **options: object) -> str:
        meter = drivers.make(
            driver.MQTT, *probes or ('p',), **{'host': '127.0.0.1'} | options
        )
        self.addCleanup(meter.close)
        return str(self.assertRaises(exception.DriverError, meter.open))

    def test_there_must_be_something_to_listen_to(self):
        self.assertEqual(
            'expected a preset, watts_topic or energy_topic', self.refuse()
        )

    def test_wildcards_are_refused(self):
        self.assertEqual(
            'rack/+/w: expected a topic without wildcards',
            self.refuse(watts_topic='rack/+/w'),
        )

    def test_a_path_that_is_none_is_named(self):
        self.assertIn(
            'watts_path = a[ is no JSONPath',
            self.refuse(watts_topic='rack', watts_path='a['),
        )

    def test_each_probe_needs_an_outlet(self):
        self.assertIn(
            'outlets names 1 for 2 probes',
            self.refuse('p', 'q', preset='tasmota', outlets=['plug']),
        )


class AnswersTest(base.BaseTestCase):
    def answer(self, method: str, kind: int, *codes: int) -> Exception:
        """Let the broker answer with these codes; give the error."""
        reasons = [
            reasoncodes.ReasonCode(kind, identifier=code) for code in codes
        ]

        def loop(client: paho.mqtt.client.Client, _timeout: float) -> int:
            if method == 'on_connect':
                client.on_connect(client, None, None, reasons[0], None)
            client.on_subscribe(client, None, 1, reasons, None)
            return 0

        meter = drivers.make(
            driver.MQTT, 'p', host='127.0.0.1', preset='tasmota'
        )
        with mock.patch.multiple(
            paho.mqtt.client.Client, loop=loop, connect=mock.Mock()
        ):
            return self.assertRaises(exception.DriverError, meter.open)

    def test_a_refused_subscription_names_the_topics(self):
        e = self.answer(
            'on_subscribe', packettypes.PacketTypes.SUBACK, 0, 0x80
        )

        self.assertEqual(
            '127.0.0.1:1883: refused the subscription to tele/p/SENSOR', str(e)
        )

    def test_a_broker_that_is_busy_is_unreachable(self):
        e = self.answer('on_connect', packettypes.PacketTypes.CONNACK, 0x89)

        self.assertIsInstance(e, exception.DeviceUnreachable)
        self.assertIn('Server busy', str(e))
