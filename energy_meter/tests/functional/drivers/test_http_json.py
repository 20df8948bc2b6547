# SPDX-License-Identifier: Apache-2.0

"""JSON pages of an HTTP server: presets, errors, authentication and TLS."""

import collections.abc
import datetime
import gzip
import threading
import time
import typing

from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import http_json
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import http

SHELLY_GEN1 = {
    'wifi_sta': {'connected': True},
    'unixtime': 1700000000,
    'relays': [{'ison': True}, {'ison': True}],
    'meters': [
        {
            'power': 60.5,
            'overpower': 0,
            'is_valid': True,
            'timestamp': 1700000000,
            'counters': [60.1, 60.2, 60.3],
            'total': 1000,
        },
        {'power': 0, 'is_valid': False, 'total': 0},
    ],
}

SHELLY_GEN2 = {
    'switch:0': {
        'id': 0,
        'output': True,
        'apower': 8.9,
        'voltage': 230.1,
        'aenergy': {
            'total': 6532.043,
            'by_minute': [1, 2, 3],
            'minute_ts': 1700000000,
        },
    },
    'switch:1': {'id': 1, 'apower': None, 'aenergy': {'total': 12.5}},
    'sys': {'unixtime': 1700000000},
}

SHELLY_METERS = {
    'pm1:0': {'id': 0, 'apower': 8.9, 'aenergy': {'total': 6532.043}},
    'em1:0': {'id': 0, 'current': 0.3, 'act_power': 85.3, 'pf': 0.99},
    'em1data:0': {
        'id': 0,
        'total_act_energy': 2776175.11,
        'total_act_ret_energy': 571584.87,
    },
    'em:0': {
        'id': 0,
        'a_act_power': 951.2,
        'b_act_power': -951.2,
        'c_act_power': 0.0,
        'total_act_power': 951.2,
    },
    'emdata:0': {
        'id': 0,
        'a_total_act_energy': 6000.0,
        'b_total_act_energy': 0.125,
        'c_total_act_energy': 0.125,
        'total_act': 6000.25,
        'total_act_ret': 60,
    },
}

TASMOTA = {
    'StatusSNS': {
        'Time': '2026-01-02T03:04:05',
        'ENERGY': {
            'TotalStartTime': '2025-01-01T00:00:00',
            'Total': 12.345,
            'Yesterday': 0.5,
            'Today': 0.1,
            'Power': 42,
            'Voltage': 231,
            'Current': 0.182,
        },
    }
}


class HTTPTest(base.BaseTestCase):
    def serve(
        self,
        answer: http.Answer
        | collections.abc.Callable[[http.Request], http.Answer],
        **options: typing.Any,
    ) -> http.HTTPServer:
        return self.useFixture(
            http.HTTPServer(
                answer if callable(answer) else lambda _request: answer,
                **options,
            )
        )

    def open(
        self,
        server: http.HTTPServer,
        *probes: str | None,
        **options: typing.Any,
    ) -> http_json.HTTPJSON:
        meter = drivers.make(
            http_json.HTTPJSON,
            *probes or ('p',),
            **{'url': f'{server.url}/power', 'timeout': 5.0} | options,
        )
        self.addCleanup(meter.close)
        meter.open()
        return meter

    def error_text(
        self,
        server: http.HTTPServer,
        kind: type[Exception],
        **options: typing.Any,
    ) -> str:
        meter = self.open(server, **{'watts_path': 'watts'} | options)
        return str(self.assertRaises(kind, meter.read))


class PresetTest(HTTPTest):
    def test_shelly_generation_1_counts_watt_minutes(self):
        server = self.serve(http.page(SHELLY_GEN1))

        (reading,) = self.open(
            server, 'a', preset='shelly-gen1', url=server.url
        ).read()

        self.assertEqual(('a', 60.5, 1000), reading[:3])
        self.assertEqual(60.0, reading.counter.joules_per_tick)
        self.assertEqual('/status', server.requests[0].path)

    def test_invalid_meter_of_shelly_generation_1_is_omitted(self):
        server = self.serve(http.page(SHELLY_GEN1))

        readings = self.open(
            server, 'a', 'b', preset='shelly-gen1', url=server.url
        ).read()

        self.assertEqual(['a'], [reading.probe for reading in readings])

    def test_shelly_generation_2_counts_watt_hours(self):
        server = self.serve(http.page(SHELLY_GEN2))

        readings = self.open(
            server,
            'b',
            'a',
            preset='shelly-gen2',
            url=server.url,
            channels=['1', '0'],
        ).read()

        self.assertEqual(
            [('b', None, 12_500), ('a', 8.9, 6_532_043)],
            [reading[:3] for reading in readings],
        )
        self.assertAlmostEqual(3.6, readings[0].counter.joules_per_tick)
        self.assertEqual('/rpc/Shelly.GetStatus', server.requests[0].path)

    def test_tasmota_counts_kilowatt_hours(self):
        server = self.serve(http.page(TASMOTA))

        (reading,) = self.open(
            server, 'a', preset='tasmota', url=server.url
        ).read()

        self.assertEqual(('a', 42.0, 12_345), reading[:3])
        self.assertEqual(3600.0, reading.counter.joules_per_tick)
        self.assertEqual('/cm?cmnd=Status%2010', server.requests[0].path)

    def test_shelly_generation_1_energy_meter_counts_watt_hours(self):
        server = self.serve(
            http.page(
                {
                    'emeters': [
                        {'power': 10.66, 'is_valid': True, 'total': 5.3},
                        {'power': 0.0, 'is_valid': False, 'total': 0.0},
                        {'power': 7.5, 'is_valid': True, 'total': 1234.5},
                    ]
                }
            )
        )

        readings = self.open(
            server, 'a', 'b', 'c', preset='shelly-gen1-em', url=server.url
        ).read()

        self.assertEqual(
            [('a', 10.66, 5_300), ('c', 7.5, 1_234_500)],
            [reading[:3] for reading in readings],
        )
        self.assertAlmostEqual(3.6, readings[0].counter.joules_per_tick)

    def test_shelly_generation_2_components_count_watt_hours(self):
        server = self.serve(http.page(SHELLY_METERS))
        for preset, expected in (
            ('shelly-gen2-pm1', ('p', 8.9, 6_532_043)),
            ('shelly-gen2-em1', ('p', 85.3, 2_776_175_110)),
            ('shelly-gen2-em', ('p', 951.2, 6_000_250)),
        ):
            (reading,) = self.open(
                server, preset=preset, url=server.url
            ).read()

            self.assertEqual(expected, reading[:3], preset)
            self.assertAlmostEqual(3.6, reading.counter.joules_per_tick)

    def test_phases_of_a_shelly_energy_meter_are_separate(self):
        server = self.serve(http.page(SHELLY_METERS))

        readings = self.open(
            server,
            'a',
            None,
            'c',
            preset='shelly-gen2-em-phases',
            url=server.url,
        ).read()

        self.assertEqual(
            [('a', 951.2, 6_000_000), ('c', 0.0, 125)],
            [reading[:3] for reading in readings],
        )

    def test_channels_of_a_tasmota_are_billed_once(self):
        # Given a Tasmota with two channels that splits its counter,
        energy = {'Power': [42, 7], 'Total': [12.345, 0.5]}
        server = self.serve(http.page({'StatusSNS': {'ENERGY': energy}}))

        # when both are metered,
        readings = self.open(
            server, 'a', 'b', preset='tasmota', url=server.url
        ).read()

        # then each has its own power and counter.
        self.assertEqual(
            [('a', 42.0, 12_345), ('b', 7.0, 500)],
            [reading[:3] for reading in readings],
        )

    def test_channels_do_not_share_one_counter(self):
        # Given a Tasmota with two channels and one counter for both,
        energy = {'Power': [42, 7], 'Total': 12.345}
        server = self.serve(http.page({'StatusSNS': {'ENERGY': energy}}))

        # then neither is billed all of it.
        meter = self.open(server, 'a', 'b', preset='tasmota', url=server.url)
        e = self.assertRaises(exception.ProtocolError, meter.read)
        self.assertIn(
            'energy_path = StatusSNS.ENERGY.Total is a single value, not '
            'that of channel 0',
            str(e),
        )

    def test_missing_channel_costs_only_its_probe(self):
        energy = {'Power': [42, 7], 'Total': [1, 2]}
        server = self.serve(http.page({'StatusSNS': {'ENERGY': energy}}))

        readings = self.open(
            server,
            'a',
            'b',
            preset='tasmota',
            url=server.url,
            channels=['1', '2'],
        ).read()

        self.assertEqual(['a'], [reading.probe for reading in readings])

    def test_option_precedes_the_preset(self):
        server = self.serve(http.page({'pm1:0': {'apower': 5}}))

        (reading,) = self.open(
            server,
            'a',
            preset='shelly-gen2',
            url=server.url,
            watts_path='"pm1:{channel}".apower',
        ).read()

        self.assertEqual(5.0, reading.watts)


class PageTest(HTTPTest):
    def test_paths_find_power_energy_and_time(self):
        server = self.serve(
            http.page(
                {
                    'rack': {
                        'A': {'w': '12.5', 'wh': 7000, 't': time.time() - 3}
                    }
                }
            )
        )

        (reading,) = self.open(
            server,
            'a',
            channels=['A'],
            watts_path='rack.{channel}.w',
            energy_path='rack.{channel}.wh',
            energy_unit='Wh',
            energy_step=100.0,
            time_path='rack.{channel}.t',
        ).read()

        self.assertEqual(('a', 12.5, 70), reading[:3])
        self.assertEqual(360_000.0, reading.counter.resolution)
        self.assertAlmostEqual(
            time.monotonic() - 3, reading.monotonic, delta=2
        )

    def test_unchanged_page_is_read_once(self):
        server = self.serve(http.page({'watts': 5, 'at': time.time()}))
        meter = self.open(server, watts_path='watts', time_path='at')

        self.assertEqual([1, 0, 0], [len(meter.read()) for _ in range(3)])

    def test_stale_page_is_an_error(self):
        server = self.serve(http.page({'watts': 5, 'at': time.time() - 999}))

        self.assertIn(
            'measured 999 s ago',
            self.error_text(server, exception.ProtocolError, time_path='at'),
        )

    def test_page_without_time_is_an_error(self):
        for document in ({'watts': 5}, {'watts': 5, 'at': None}):
            self.assertIn(
                'the page has no time of probe p at time_path',
                self.error_text(
                    self.serve(http.page(document)),
                    exception.ProtocolError,
                    time_path='at',
                ),
            )

    def test_null_is_omitted(self):
        for document in ({'watts': None}, {'watts': 'n/a'}):
            server = self.serve(http.page(document))

            self.assertEqual([], self.open(server, watts_path='watts').read())

    def test_not_a_number_is_omitted(self):
        server = self.serve(http.Answer(body=b'{"watts": NaN, "wh": 7}'))

        (reading,) = self.open(
            server,
            watts_path='watts',
            energy_path='wh',
            energy_unit='Wh',
            energy_step=1.0,
        ).read()

        self.assertEqual((None, 7), reading[1:3])

    def test_missing_value_does_not_affect_other_probes(self):
        server = self.serve(http.page({'meters': [{'w': 5}, {}]}))

        readings = self.open(
            server, 'a', 'b', watts_path='meters[{channel}].w'
        ).read()

        self.assertEqual([('a', 5.0)], [reading[:2] for reading in readings])

    def test_page_without_values_is_an_error(self):
        self.assertIn(
            'neither power nor energy of probe p',
            self.error_text(
                self.serve(http.page([])), exception.ProtocolError
            ),
        )

    def test_several_values_are_an_error(self):
        self.assertIn(
            'matches 2 values',
            self.error_text(
                self.serve(http.page({'a': [1, 2]})),
                exception.ProtocolError,
                watts_path='a[*]',
            ),
        )

    def test_page_that_is_not_json_is_an_error(self):
        for body in (b'', b'<html>', b'{"watts": 1', b'\xff', b'[' * 50_000):
            self.assertIn(
                'the page is not JSON',
                self.error_text(
                    self.serve(http.Answer(body=body)), exception.ProtocolError
                ),
            )

    def test_too_large_page_is_an_error(self):
        page = b'{"watts": 5}'.ljust(1024 * 1024)

        self.assertEqual(
            [5.0],
            _watts(
                self.open(
                    self.serve(http.Answer(body=page)), watts_path='watts'
                )
            ),
        )
        self.assertIn(
            'more than 1048576 bytes',
            self.error_text(
                self.serve(http.Answer(body=page + b' ')),
                exception.ProtocolError,
            ),
        )

    def test_endless_page_is_an_error(self):
        def endless() -> collections.abc.Iterator[bytes]:
            while True:
                yield b' ' * 65536

        self.assertIn(
            'more than 1048576 bytes',
            self.error_text(
                self.serve(http.Answer(body=endless())),
                exception.ProtocolError,
            ),
        )

    def test_slow_page_is_an_error_after_the_timeout(self):
        done = threading.Event()
        self.addCleanup(done.set)

        def dripping() -> collections.abc.Iterator[bytes]:
            while not done.wait(0.1):
                yield b' '

        self.assertIn(
            'not complete within 0.5 s',
            self.error_text(
                self.serve(http.Answer(body=dripping())),
                exception.DeviceUnreachable,
                timeout=0.5,
            ),
        )


class RecordsTest(HTTPTest):
    """Pages like those of Kwollect: the values of the last minutes."""

    def record(self, age: float, value: object, **labels: object) -> object:
        time_of = datetime.datetime.now(datetime.UTC) - datetime.timedelta(
            seconds=age
        )
        return {
            'timestamp': time_of.isoformat(),
            'device_id': 'taurus-11',
            'metric_id': 'wattmetre_power_watt',
            'value': value,
            'labels': {'_device_orig': ['wattmetre1-port33']},
        } | labels

    def read(self, *records: object) -> list[measurement.Reading]:
        server = self.serve(http.page(records))
        meter = self.open(
            server, 'a', preset='kwollect', channels=['taurus-11']
        )
        return list(meter.read())

    def test_newest_of_several_values_is_read(self):
        (reading,) = self.read(
            self.record(9, 69.5),
            self.record(3, 71.25),
            self.record(6, 70.5),
            self.record(1, 999, device_id='taurus-12'),
            self.record(1, 888, metric_id='bmc_node_power_watt'),
        )

        self.assertEqual(('a', 71.25, None), reading[:3])
        self.assertAlmostEqual(
            time.monotonic() - 3, reading.monotonic, delta=2
        )

    def test_page_without_records_has_no_reading(self):
        self.assertEqual([], self.read())

    def test_newest_value_of_null_is_omitted(self):
        self.assertEqual(
            [], self.read(self.record(9, 69.5), self.record(3, None))
        )

    def test_stale_records_are_an_error(self):
        e = self.assertRaises(
            exception.ProtocolError, self.read, self.record(999, 69.5)
        )

        self.assertIn('measured 999 s ago', str(e))

    def test_two_records_of_one_time_are_an_error(self):
        newest = self.record(3, 69.5)

        e = self.assertRaises(
            exception.ProtocolError, self.read, newest, newest
        )

        self.assertIn('2 records of the same time', str(e))

    def test_record_without_time_is_an_error(self):
        record = self.record(3, 69.5)
        without_time = dict(record)
        del without_time['timestamp']
        for invalid, text in (
            (record | {'timestamp': 'now'}, "'now' is not a time"),
            (record | {'timestamp': None}, 'a record has no time at'),
            (without_time, 'a record has no time at time_path'),
        ):
            e = self.assertRaises(exception.ProtocolError, self.read, invalid)

            self.assertIn(text, str(e))


class ConnectionTest(HTTPTest):
    PAGE = http.page({'watts': 5})

    def test_connection_is_reused(self):
        server = self.serve(self.PAGE)
        meter = self.open(server, watts_path='watts')

        for _ in range(5):
            meter.read()

        self.assertEqual(
            1, len({request.connection for request in server.requests})
        )

    def test_dripping_headers_are_an_error_after_the_timeout(self):
        done = threading.Event()
        self.addCleanup(done.set)

        def dripping() -> collections.abc.Iterator[bytes]:
            yield b'HTTP/1.1 200 OK\r\nX-Slow: '
            while not done.wait(0.1):
                yield b' '

        self.assertIn(
            'not complete within 0.5 s',
            self.error_text(
                self.serve(http.Answer(raw=dripping())),
                exception.DeviceUnreachable,
                timeout=0.5,
            ),
        )

    def test_connection_closed_meanwhile_costs_no_reading(self):
        answers = [self.PAGE, http.Answer(raw=[]), self.PAGE]
        server = self.serve(lambda _request: answers.pop(0))
        meter = self.open(server, watts_path='watts')

        self.assertEqual([[5.0], [5.0]], [_watts(meter) for _ in range(2)])

    def test_compressed_page_is_an_error(self):
        server = self.serve(
            http.Answer(
                body=gzip.compress(b'{"watts": 5}'),
                headers={'Content-Encoding': 'gzip'},
            )
        )

        self.assertIn(
            'Content-Encoding gzip',
            self.error_text(server, exception.ProtocolError),
        )

    def test_redirect_to_another_port_is_an_error(self):
        other = self.serve(self.PAGE)
        server = self.serve(http.Answer(302, headers={'Location': other.url}))

        self.error_text(server, exception.ProtocolError, username='meter')

        self.assertEqual([], other.requests)

    def test_abort_ends_a_read_of_another_thread(self):
        # Given a server that does not answer,
        done, waits = threading.Event(), threading.Event()
        self.addCleanup(done.set)

        def hang(_request: http.Request) -> http.Answer:
            waits.set()
            done.wait()
            return self.PAGE

        meter = self.open(self.serve(hang), watts_path='watts', timeout=60.0)
        thread = threading.Thread(target=_watts, args=(meter,), daemon=True)
        thread.start()
        self.assertTrue(waits.wait(30))

        # when the driver is aborted, then the thread ends.
        meter.abort()
        thread.join(30)
        self.assertFalse(thread.is_alive())

    def test_restarted_server_is_read_again(self):
        server = self.serve(self.PAGE)
        meter = self.open(server, watts_path='watts')
        meter.read()
        server.stop()

        self.assertRaises(exception.DeviceUnreachable, meter.read)
        server.start()

        services.wait_for(
            lambda: _watts(meter) == [5.0], 10, 'the page can be read again'
        )

    def test_server_without_response_is_an_error_after_the_timeout(self):
        done = threading.Event()
        self.addCleanup(done.set)

        def hang(_request: http.Request) -> http.Answer:
            done.wait()
            return self.PAGE

        self.assertIn(
            'not complete within 0.3 s',
            self.error_text(
                self.serve(hang), exception.DeviceUnreachable, timeout=0.3
            ),
        )

    def test_error_status_is_an_error_with_the_status(self):
        for status, kind, text in (
            (503, exception.DeviceUnreachable, '503 Service Unavailable'),
            (
                404,
                exception.ProtocolError,
                'answered 404 Not Found',
            ),
            (403, exception.AuthenticationFailed, 'user meter'),
        ):
            self.assertIn(
                text,
                self.error_text(
                    self.serve(http.Answer(status)), kind, username='meter'
                ),
            )

    def test_errors_do_not_contain_secrets_of_the_url(self):
        server = self.serve(http.Answer(503))
        url = f'{server.url}/cm?user=admin&password=s3cret'
        self.assertNotIn(
            's3cret',
            self.error_text(server, exception.DeviceUnreachable, url=url),
        )
        server.stop()

        text = self.error_text(server, exception.DeviceUnreachable, url=url)
        server.start()

        self.assertNotIn('s3cret', text)
        self.assertIn('Connection refused', text)

    def test_redirect_on_the_same_host_is_followed(self):
        def answer(request: http.Request) -> http.Answer:
            if request.path == '/power':
                return http.Answer(302, headers={'Location': '/there'})
            return self.PAGE

        meter = self.open(self.serve(answer), watts_path='watts')

        self.assertEqual([5.0], _watts(meter))

    def test_redirect_to_another_host_is_an_error(self):
        other_server = self.serve(self.PAGE)
        other = other_server.url.replace('127.0.0.1', 'localhost')
        server = self.serve(
            http.Answer(
                302, headers={'Location': f'{other}/there?token=s3cret'}
            )
        )

        text = self.error_text(
            server,
            exception.ProtocolError,
            username='meter',
            password='s3cret',
        )

        self.assertIn(f'redirects to {other}/there, which is not', text)
        self.assertEqual([], other_server.requests)

    def test_redirect_loop_is_an_error(self):
        server = self.serve(http.Answer(302, headers={'Location': '/power'}))

        self.assertIn(
            'redirects', self.error_text(server, exception.ProtocolError)
        )


class AuthenticationTest(HTTPTest):
    PAGE = http.page({'watts': 5})

    def test_basic_authentication_is_accepted(self):
        server = self.serve(http.with_basic('meter', 's3cret', self.PAGE))

        meter = self.open(
            server, watts_path='watts', username='meter', password='s3cret'
        )

        self.assertEqual([5.0], _watts(meter))

    def test_digest_authentication_with_sha_256_is_accepted(self):
        server = self.serve(http.with_digest('admin', 's3cret', self.PAGE))

        meter = self.open(
            server,
            watts_path='watts',
            username='admin',
            password='s3cret',
            authentication='digest',
        )

        self.assertEqual([5.0], _watts(meter))

    def test_wrong_password_is_an_error_without_the_password(self):
        for serve, scheme in (
            (http.with_basic, 'basic'),
            (http.with_digest, 'digest'),
        ):
            text = self.error_text(
                self.serve(serve('meter', 's3cret', self.PAGE)),
                exception.AuthenticationFailed,
                username='meter',
                password='wr0ng',
                authentication=scheme,
            )
            self.assertIn('refused the credentials of user meter', text)
            self.assertNotIn('wr0ng', text)


class TLSTest(HTTPTest):
    def setUp(self):
        super().setUp()
        self.authority = self.useFixture(http.Authority())
        self.server = self.serve(
            http.page({'watts': 5}),
            certificate=self.authority.issue('127.0.0.1'),
        )

    def test_configured_ca_is_trusted(self):
        meter = self.open(
            self.server, watts_path='watts', ca_file=self.authority.file
        )

        self.assertEqual([5.0], _watts(meter))

    def test_unknown_ca_is_an_error(self):
        self.assertIn(
            'certificate verify failed',
            self.error_text(self.server, exception.DeviceUnreachable),
        )

    def test_certificate_of_another_host_is_an_error(self):
        url = self.server.url.replace('127.0.0.1', 'localhost')

        self.assertIn(
            'localhost',
            self.error_text(
                self.server,
                exception.DeviceUnreachable,
                url=url,
                ca_file=self.authority.file,
            ),
        )

    def test_verification_can_be_disabled(self):
        meter = self.open(self.server, watts_path='watts', verify=False)

        self.assertEqual([5.0], _watts(meter))


def _watts(meter: http_json.HTTPJSON) -> list[float | None]:
    try:
        return [reading.watts for reading in meter.read()]
    except exception.DeviceUnreachable:
        return []
