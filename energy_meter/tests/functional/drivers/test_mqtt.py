# SPDX-License-Identifier: Apache-2.0

"""Devices that publish through a mosquitto broker."""

import collections.abc
import contextlib
import json
import logging
import socket
import threading
import typing
from unittest import mock

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.common import bounds
from energy_meter.drivers.mqtt import driver
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import descriptors
from energy_meter.tests.functional.services import http
from energy_meter.tests.functional.services import mosquitto

TIMEOUT_S = 30

#: Control packets of MQTT 3.1.1, or their beginning: the connection is
#: accepted; two subscriptions are; a message of QoS 0, and one of QoS 2.
CONNACK = b'\x20\x02\x00\x00'
SUBACK_2 = b'\x90\x04'
PUBLISH = b'\x30'
PUBLISH_QOS_2 = b'\x34'

Readings = collections.abc.Iterator[measurement.Reading]


class MQTTTest(base.BaseTestCase):
    def serve(
        self, *args: typing.Any, **kwargs: typing.Any
    ) -> mosquitto.Mosquitto:
        return self.useFixture(mosquitto.Mosquitto(*args, **kwargs))

    def make(
        self,
        broker: mosquitto.Mosquitto,
        *probes: str | None,
        **options: typing.Any,
    ) -> driver.MQTT:
        meter = drivers.make(
            driver.MQTT,
            *probes or ('plug',),
            **{
                'host': '127.0.0.1',
                'port': broker.port,
                'timeout': 5.0,
                'preset': 'tasmota',
            }
            | options,
        )
        self.addCleanup(meter.close)
        return meter

    def listen(
        self,
        broker: mosquitto.Mosquitto,
        *probes: str | None,
        **options: typing.Any,
    ) -> Readings:
        meter = self.make(broker, *probes, **options)
        meter.open()
        return drivers.readings(meter)


def tasmota(watts: object, kwh: object = 12.345) -> str:
    return json.dumps(
        {
            'Time': '2026-01-02T03:04:05',
            'ENERGY': {'Power': watts, 'Total': kwh},
        }
    )


class DevicesTest(MQTTTest):
    def setUp(self):
        super().setUp()
        self.broker = self.serve()

    def test_tasmota_sends_power_and_kilowatt_hours(self):
        readings = self.listen(self.broker)
        self.broker.publish('tele/plug/SENSOR', tasmota(42))

        reading = next(readings)

        self.assertEqual(('plug', 42.0, 12_345), reading[:3])
        self.assertEqual(3600.0, reading.counter.joules_per_tick)

    def test_shelly_generation_1_sends_watt_minutes(self):
        readings = self.listen(
            self.broker, 'a', preset='shelly-gen1', channels=['shelly25-1:1']
        )
        topic = 'shellies/shelly25-1/relay/1'
        self.broker.publish(f'{topic}/energy', '1000')
        self.broker.publish(f'{topic}/power', '60.50')

        reading = next(readings)

        self.assertEqual(('a', 60.5, 1000), reading[:3])
        self.assertEqual(60.0, reading.counter.joules_per_tick)

    def test_shelly_generation_2_sends_watt_hours(self):
        readings = self.listen(
            self.broker,
            'a',
            'b',
            preset='shelly-gen2',
            channels=['shellypro2pm-1', 'shellypro2pm-1:1'],
        )
        self.broker.publish(
            'shellypro2pm-1/status/switch:1',
            json.dumps(
                {'id': 1, 'apower': 8.9, 'aenergy': {'total': 6532.043}}
            ),
        )

        reading = next(readings)

        self.assertEqual(('b', 8.9, 6_532_043), reading[:3])
        self.assertAlmostEqual(3.6, reading.counter.joules_per_tick)

    def test_custom_topics_are_read(self):
        readings = self.listen(
            self.broker,
            'a',
            preset='none',
            channels=['7'],
            watts_topic='rack/1/outlets',
            watts_path='["{device}"].w',
            energy_topic='rack/1/{device}/kwh',
            energy_step=0.1,
        )
        self.broker.publish('rack/1/7/kwh', '12.3')
        self.broker.publish(
            'rack/1/outlets', '{"6": {"w": 1}, "7": {"w": 250}}'
        )

        reading = next(readings)

        self.assertEqual(('a', 250.0, 123), reading[:3])
        self.assertEqual(360_000.0, reading.counter.resolution)

    def test_devices_are_distinguished(self):
        readings = self.listen(
            self.broker,
            'a',
            None,
            'b',
            channels=['plug-1', 'plug-2', 'plug-3'],
        )
        for number in (3, 2, 1):
            self.broker.publish(f'tele/plug-{number}/SENSOR', tasmota(number))

        self.assertEqual(
            [('b', 3.0), ('a', 1.0)],
            [next(readings)[:2] for _ in range(2)],
        )

    def test_channels_of_one_device_are_distinguished(self):
        readings = self.listen(
            self.broker, 'a', 'b', channels=['plug:0', 'plug:1']
        )
        self.broker.publish(
            'tele/plug/SENSOR', tasmota([42, 7], [12.345, 0.5])
        )

        self.assertEqual(
            {('a', 42.0, 12_345), ('b', 7.0, 500)},
            {next(readings)[:3] for _ in range(2)},
        )

    def test_total_of_a_device_is_not_billed_for_each_channel(self):
        log = self.useFixture(fixtures.FakeLogger(level=logging.WARNING))
        readings = self.listen(
            self.broker,
            'a',
            'b',
            'c',
            channels=['plug:0', 'plug:1', 'other'],
        )
        self.broker.publish('tele/plug/SENSOR', tasmota([42, 7], 12.345))
        self.broker.publish('tele/other/SENSOR', tasmota(1))

        self.assertEqual('c', next(readings).probe)
        self.assertIn('not that of channel 0', log.output)
        self.assertIn('not that of channel 1', log.output)

    def test_counter_that_becomes_silent_is_logged(self):
        # Given a device whose power goes on while its counter is silent,
        log = self.useFixture(fixtures.FakeLogger(level=logging.WARNING))
        readings = self.listen(
            self.broker, preset='shelly-gen1', max_energy_age=1.0
        )
        topic = 'shellies/plug/relay/0'
        self.broker.publish(f'{topic}/energy', '1000')
        self.broker.publish(f'{topic}/power', '200')
        self.assertEqual(1000, next(readings).ticks)

        # when it has been silent for too long,
        def next_ticks() -> int | None:
            self.broker.publish(f'{topic}/power', '200')
            return next(readings).ticks

        services.wait_for(
            lambda: next_ticks() is None, TIMEOUT_S, 'power goes on alone'
        )

        # then the log says so, and again when it is back.
        self.assertIn(
            f'no energy on {topic}/energy for more than 1', log.output
        )
        self.broker.publish(f'{topic}/energy', '1010')
        self.assertEqual(1010, next_ticks())

    def test_file_descriptors_above_1023_work(self):
        self.useFixture(descriptors.Descriptors())
        readings = self.listen(self.broker)
        self.broker.publish('tele/plug/SENSOR', tasmota(42))

        self.assertEqual(42.0, next(readings).watts)

    def test_silent_device_has_no_readings(self):
        meter = self.make(self.broker)
        meter.open()

        with mock.patch.object(driver, 'READ_TIMEOUT_S', 0.01):
            self.assertEqual([[]] * 5, [meter.read() for _ in range(5)])

    def test_stale_retained_messages_are_ignored(self):
        self.broker.publish('tele/plug/SENSOR', tasmota(999), '--retain')
        readings = self.listen(self.broker)
        self.broker.publish('tele/plug/SENSOR', tasmota(42), '--retain')

        self.assertEqual(42.0, next(readings).watts)

    def test_incomplete_messages_are_skipped(self):
        readings = self.listen(self.broker)
        for message in (
            '',
            '{"ENERGY": {"Pow',
            '[]',
            '{"ENERGY": null}',
            '{"DS18B20": {"Temperature": 20}}',
            'Offline',
            tasmota(None, None),
            tasmota(42),
        ):
            self.broker.publish('tele/plug/SENSOR', message)

        self.assertEqual(42.0, next(readings).watts)

    def test_last_will_is_logged_and_not_a_reading(self):
        log = self.useFixture(fixtures.FakeLogger(level=logging.WARNING))
        meter = self.make(self.broker)
        meter.open()
        readings = drivers.readings(meter)
        device = self.useFixture(
            mosquitto.Device(self.broker, 'tele/plug/LWT', 'Offline')
        )
        self.broker.publish('tele/plug/SENSOR', tasmota(42))
        next(readings)
        device.kill()

        services.wait_for(
            lambda: meter.read() or log.output,
            TIMEOUT_S,
            'the last will is logged',
        )

        self.assertIn(
            'probe plug: plug did not answer: tele/plug/LWT reports '
            'it as offline',
            log.output,
        )
        self.broker.publish('tele/plug/SENSOR', tasmota(43))
        self.assertEqual(43.0, next(readings).watts)

    def test_retained_last_will_is_logged(self):
        log = self.useFixture(fixtures.FakeLogger(level=logging.WARNING))
        self.broker.publish('tele/plug/LWT', 'Offline', '--retain')
        meter = self.make(self.broker)
        meter.open()

        services.wait_for(
            lambda: meter.read() or log.output,
            TIMEOUT_S,
            'the last will is logged',
        )

        self.assertIn('as offline', log.output)


class BrokerTest(MQTTTest):
    def test_restarted_broker_is_read_after_reopening(self):
        broker = self.serve()
        meter = self.make(broker)
        meter.open()
        readings = drivers.readings(meter)
        broker.kill()

        e = self.assertRaises(exception.DeviceUnreachable, next, readings)
        self.assertIn(f'127.0.0.1:{broker.port}', str(e))
        meter.close()
        broker.start()
        meter.open()
        readings = drivers.readings(meter)
        broker.publish('tele/plug/SENSOR', tasmota(42))

        self.assertEqual(42.0, next(readings).watts)

    def test_broker_that_hangs_is_unreachable(self):
        broker = self.serve()
        with mock.patch.object(driver, 'KEEPALIVE_S', 1):
            readings = self.listen(broker)
        broker.pause()

        self.assertRaises(exception.DeviceUnreachable, next, readings)

    def test_broker_that_hangs_at_connect_is_unreachable(self):
        broker = self.serve()
        broker.pause()

        e = self.assertRaises(
            exception.DeviceUnreachable, self.listen, broker, timeout=0.5
        )

        self.assertIn('no answer within 0.5 s', str(e))

    def test_missing_broker_is_unreachable(self):
        broker = mosquitto.Mosquitto()

        e = self.assertRaises(exception.DeviceUnreachable, self.listen, broker)

        self.assertIn('Connection refused', str(e))


class BoundsTest(MQTTTest):
    def answer(self, listener: socket.socket, packets: bytes) -> None:
        """Accept a client and its subscription, and send packets."""
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(CONNACK)
            # The packet has a header of two bytes, and then its number.
            number = connection.recv(65536)[2:4]
            connection.sendall(SUBACK_2 + number + bytes(2))
            connection.sendall(packets)
            connection.recv(1)

    def read_error(self, packets: bytes) -> str:
        """Return the error of a client of a broker that sends packets."""
        listener = self.enterContext(socket.create_server(('127.0.0.1', 0)))
        thread = threading.Thread(target=self.answer, args=(listener, packets))
        thread.start()
        self.addCleanup(thread.join)
        meter = drivers.make(
            driver.MQTT,
            'plug',
            host='127.0.0.1',
            port=listener.getsockname()[1],
            preset='tasmota',
        )
        self.addCleanup(meter.close)
        meter.open()
        return str(
            self.assertRaises(
                exception.ProtocolError, next, drivers.readings(meter)
            )
        )

    def test_large_payload_is_read(self):
        broker = self.serve()
        readings = self.listen(broker)
        text = tasmota(42)

        broker.publish('tele/plug/SENSOR', text + 60_000 * ' ')

        self.assertEqual(42.0, next(readings).watts)

    def test_larger_packet_is_an_error(self):
        broker = self.serve()
        readings = self.listen(broker)

        broker.publish('tele/plug/SENSOR', 70_000 * '1')

        e = self.assertRaises(exception.ProtocolError, next, readings)
        self.assertIn('sent a packet of more than 65536 bytes', str(e))

    def test_huge_packet_is_an_error_before_it_arrives(self):
        # Given a broker that announces a packet of 256 MiB,
        text = self.read_error(PUBLISH + b'\xff\xff\xff\x7f' + bytes(100))

        # then the driver does not wait for the rest.
        self.assertIn('sent a packet of more than 65536 bytes', text)

    def test_message_that_the_client_would_have_to_keep_is_an_error(self):
        # Given a broker that sends messages of QoS 2, and never releases them,
        text = self.read_error(PUBLISH_QOS_2 + b'\x05\x00\x01x\x00\x01')

        self.assertIn('a QoS that was not subscribed', text)

    def test_messages_before_the_subscription_are_bounded(self):
        # Given a driver whose subscription is not acknowledged,
        self.patch(bounds, 'MAX_EARLY_READINGS', 10)
        broker = self.serve()
        meter = self.make(broker)
        message = mock.Mock(
            topic='tele/plug/SENSOR',
            payload=tasmota(42).encode(),
            retain=False,
        )
        meter.open()

        # when messages arrive without end,
        for _ in range(100):
            meter._on_message(mock.Mock(), None, message)

        # then only the newest are kept.
        self.assertEqual(10, len(list(meter.read())))


class AuthenticationTest(MQTTTest):
    def setUp(self):
        super().setUp()
        self.broker = self.serve({'meter': 's3cret'})

    def test_user_with_password_is_accepted(self):
        readings = self.listen(
            self.broker, username='meter', password='s3cret'
        )
        self.broker.publish(
            'tele/plug/SENSOR', tasmota(42), '-u', 'meter', '-P', 's3cret'
        )

        self.assertEqual(42.0, next(readings).watts)

    def test_wrong_password_is_an_error_without_the_password(self):
        for options in (
            {'username': 'meter', 'password': 'wr0ng'},
            {'username': 'unknown', 'password': 'wr0ng'},
        ):
            e = self.assertRaises(
                exception.AuthenticationFailed,
                self.listen,
                self.broker,
                **options,
            )
            self.assertIn(f'credentials of user {options["username"]}', str(e))
            self.assertNotIn('wr0ng', str(e))

    def test_anonymous_access_is_an_error(self):
        self.assertRaises(
            exception.AuthenticationFailed, self.listen, self.broker
        )


class TLSTest(MQTTTest):
    def setUp(self):
        super().setUp()
        self.authority = self.useFixture(http.Authority())
        self.broker = self.serve(certificate=self.authority.issue('127.0.0.1'))

    def test_configured_ca_is_trusted(self):
        readings = self.listen(
            self.broker, tls=True, ca_file=self.authority.file
        )
        self.broker.publish(
            'tele/plug/SENSOR', tasmota(42), '--cafile', self.authority.file
        )

        self.assertEqual(42.0, next(readings).watts)

    def test_unknown_ca_is_an_error(self):
        e = self.assertRaises(
            exception.DeviceUnreachable, self.listen, self.broker, tls=True
        )

        self.assertIn('certificate verify failed', str(e))

    def test_certificate_of_another_host_is_an_error(self):
        e = self.assertRaises(
            exception.DeviceUnreachable,
            self.listen,
            self.broker,
            tls=True,
            host='localhost',
            ca_file=self.authority.file,
        )

        self.assertIn('localhost', str(e))

    def test_missing_ca_file_is_an_error_with_its_path(self):
        e = self.assertRaises(
            exception.DriverError,
            self.listen,
            self.broker,
            tls=True,
            ca_file='/nowhere',
        )

        self.assertIn('ca_file = /nowhere', str(e))

    def test_plain_connection_to_tls_port_is_unreachable(self):
        self.assertRaises(
            exception.DeviceUnreachable, self.listen, self.broker, timeout=2.0
        )
