# SPDX-License-Identifier: Apache-2.0

"""Tests of the Modbus driver against pymodbus' server and mbpoll."""

import collections.abc
import math
import socket
import socketserver
import struct
import threading
import time
import typing

import fixtures
from oslotest import base
from pymodbus import constants
from pymodbus import framer
from pymodbus import pdu

from energy_meter import exception
from energy_meter.agent import validation
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import poll
from energy_meter.drivers.modbus import driver
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import descriptors
from energy_meter.tests.functional.services import modbus
from energy_meter.tests.functional.services import pty

#: Values of each kind of meter, and the expected watts and joules.
METERS: dict[str, tuple[dict[int, tuple[str, float]], float, float]] = {
    'sdm120': ({0x0C: ('f', 230.5), 0x48: ('f', 12.345)}, 230.5, 44.442e6),
    'sdm230': ({0x0C: ('f', 99.25), 0x48: ('f', 7.5)}, 99.25, 27e6),
    'sdm630': (
        {0x0C: ('f', 1.0), 0x34: ('f', 690.0), 0x48: ('f', 1.001)},
        690.0,
        3.6036e6,
    ),
    'iem3000': (
        {0x0BF3: ('f', 1.5), 0x0C83: ('q', 5_000_000_123)},
        1500.0,
        5_000_000_123 * 3600.0,
    ),
}

SDM = {
    unit: {0x0C: ('f', 100.0 * unit), 0x48: ('f', 10.0 * unit)}
    for unit in (1, 2, 3)
}


def rtu_frame(value: float) -> bytes:
    """Return the RTU response of unit 1 with a value."""
    response = pdu.register_message.ReadInputRegistersResponse(
        registers=list(struct.unpack('>2H', struct.pack('>f', value))),
        dev_id=1,
    )
    return framer.FramerRTU(pdu.DecodePDU(False)).buildFrame(response)


def _echo_addresses(connection: socket.socket) -> None:
    """Respond to RTU requests with the requested address as the value."""
    while len(request := connection.recv(8)) == 8:
        (address,) = struct.unpack('>H', request[2:4])
        connection.sendall(rtu_frame(address))


class ModbusTest(base.BaseTestCase):
    def make(
        self, *probes: str | None, **options: typing.Any
    ) -> driver.Modbus:
        meter = drivers.make(
            driver.Modbus,
            *probes,
            **{
                'map': ['sdm120'],
                'timeout': 0.5,
                'units': list(range(1, len(probes) + 1)),
            }
            | options,
        )
        self.addCleanup(meter.close)
        return meter

    def watts(self, meter: driver.Modbus) -> dict[str, float | None]:
        return {reading.probe: reading.watts for reading in meter.read()}


class TCPTest(ModbusTest):
    def serve(self, units: modbus.Units) -> modbus.ModbusServer:
        copied = {unit: dict(values) for unit, values in units.items()}
        return self.useFixture(modbus.ModbusServer(copied))

    def serve_rtu(self) -> modbus.ModbusServer:
        copied = {unit: dict(values) for unit, values in SDM.items()}
        return self.useFixture(
            modbus.ModbusServer(copied, framer=framer.FramerType.RTU)
        )

    def connect(
        self,
        server: modbus.ModbusServer,
        *probes: str | None,
        **options: typing.Any,
    ) -> driver.Modbus:
        meter = self.make(
            *probes, host='127.0.0.1', port=server.port, **options
        )
        meter.open()
        return meter

    def test_included_maps_read_their_meters(self):
        for name, (registers, watts, joules) in METERS.items():
            server = self.serve({1: registers})

            (reading,) = self.connect(server, 'p', map=[name]).read()

            self.assertEqual(watts, reading.watts, name)
            self.assertAlmostEqual(
                joules,
                reading.ticks * reading.counter.joules_per_tick,
                0,
                name,
            )

    def test_file_descriptors_above_1023_work(self):
        server = self.serve(SDM)
        self.useFixture(descriptors.Descriptors())

        (reading,) = self.connect(server, 'p').read()

        self.assertEqual(100.0, reading.watts)

    def test_negative_power_does_not_drop_the_energy(self):
        log = self.useFixture(fixtures.FakeLogger())
        server = self.serve({1: {0x0C: ('f', -5.0), 0x48: ('f', 10.0)}})

        (reading,) = self.connect(server, 'p').read()

        self.assertEqual((None, 10_000), (reading.watts, reading.ticks))
        self.assertIsNone(validation.check(reading, 1000.0))
        self.assertIn(
            'probe p: watts is -5; it is omitted, but the energy is metered',
            log.output,
        )

    def test_negative_power_without_energy_is_left_to_the_agent(self):
        server = self.serve({1: {0x0C: ('f', -5.0)}})

        (reading,) = self.connect(
            server,
            'p',
            map=['custom'],
            registers='watts: {function: 4, address: 0x0C, type: float32}',
        ).read()

        self.assertEqual('negative', validation.check(reading, 1000.0))

    def test_value_and_exponent_are_read_by_one_request(self):
        server = self.serve({1: {83: ('h', 1234), 84: ('h', -1)}})

        (reading,) = self.connect(
            server,
            'p',
            map=['custom'],
            registers='watts: {function: 3, address: 83, type: int16, '
            'exponent_address: 84}',
        ).read()

        self.assertAlmostEqual(123.4, reading.watts)
        self.assertEqual([(1, 83)], server.requests)

    def test_rtu_over_tcp_is_read(self):
        server = self.serve_rtu()

        readings = self.connect(server, 'a', 'b', framing='rtu').read()

        self.assertEqual(
            [('a', 100.0, 10_000), ('b', 200.0, 20_000)],
            [reading[:3] for reading in readings],
        )

    def test_modbus_tcp_to_rtu_server_is_unreachable(self):
        meter = self.connect(self.serve_rtu(), 'p', timeout=0.2)

        self.assertRaises(exception.DeviceUnreachable, meter.read)

    def test_late_rtu_response_over_tcp_is_discarded(self):
        listener = self.enterContext(socket.create_server(('127.0.0.1', 0)))
        port = listener.getsockname()[1]
        meter = self.make('p', host='127.0.0.1', port=port, framing='rtu')
        meter.open()
        server = self.enterContext(listener.accept()[0])
        thread = threading.Thread(target=_echo_addresses, args=(server,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(meter.close)
        self.assertEqual({'p': 0x0C}, self.watts(meter))

        server.sendall(rtu_frame(999.0))
        services.wait_for(
            lambda: poll.wait(
                meter._line._client.socket.fileno(), poll.READABLE, 0.0
            ),
            10,
            'the late response to arrive',
        )

        self.assertEqual({'p': 0x0C}, self.watts(meter))

    def test_device_that_babbles_is_disconnected(self):
        # Given a device that has sent more than anyone asked for,
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        port = listener.getsockname()[1]
        meter = self.make('p', host='127.0.0.1', port=port, framing='rtu')
        meter.open()
        server = self.enterContext(listener.accept()[0])
        most = bounds.MAX_MODBUS_BYTES
        server.sendall(bytes(most + 1))
        arrived = meter._line._client.socket
        services.wait_for(
            lambda: len(arrived.recv(most + 1, socket.MSG_PEEK)) > most,
            10,
            'the bytes to arrive',
        )

        # when it is read,
        self.assertRaises(exception.DeviceUnreachable, meter.read)

        # then the driver leaves without another request.
        self.assertEqual(b'', server.recv(1))

    def test_mbpoll_reads_same_values(self):
        services.require('mbpoll')
        server = self.serve(SDM)

        (reading,) = self.connect(server, 'p').read()
        polled = {
            address: float(
                services.run(
                    [
                        'mbpoll',
                        '-m',
                        'tcp',
                        '-p',
                        str(server.port),
                        '-a',
                        '1',
                        '-0',
                        '-r',
                        str(address),
                        '-t',
                        '3:float',
                        '-B',
                        '-1',
                        '127.0.0.1',
                    ],
                ).rpartition(':')[2]
            )
            for address in (0x0C, 0x48)
        }

        self.assertEqual(polled[0x0C], reading.watts)
        self.assertEqual(polled[0x48], reading.ticks / 1000)

    def test_units_are_assigned_to_probes_in_order(self):
        server = self.serve(SDM)

        meter = self.connect(server, 'c', None, 'a', units=[3, 2, 1])

        self.assertEqual({'c': 300.0, 'a': 100.0}, self.watts(meter))
        self.assertNotIn(2, {unit for unit, _ in server.requests})

    def test_units_have_separate_maps(self):
        server = self.serve({1: METERS['sdm120'][0], 2: METERS['iem3000'][0]})

        meter = self.connect(server, 'a', 'b', map=['sdm120', 'iem3000'])

        self.assertEqual({'a': 230.5, 'b': 1500.0}, self.watts(meter))

    def test_custom_map_is_read_from_configuration(self):
        server = self.serve(
            {
                1: {
                    10: ('H', 2305),
                    20: ('I', 77),
                    30: ('h', 2301),
                    31: ('h', 105),
                }
            }
        )

        (reading,) = self.connect(
            server,
            'p',
            map=['custom'],
            registers="""
            watts: {function: 3, address: 10, type: uint16, scale: 0.1}
            energy: {function: 3, address: 20, type: uint32, scale: 100}
            volts: {function: 3, address: 30, type: int16, scale: 0.1}
            amperes: {function: 3, address: 31, type: int16, scale: 0.01}
            """,
        ).read()

        self.assertAlmostEqual(230.5, reading.watts)
        self.assertEqual(
            (77, 360_000.0, 2**32),
            (
                reading.ticks,
                reading.counter.joules_per_tick,
                reading.counter.rollover,
            ),
        )
        self.assertAlmostEqual(230.1, reading.volts)
        self.assertAlmostEqual(1.05, reading.amperes)

    def test_operator_map_is_read_from_directory(self):
        server = self.serve({1: {10: ('H', 5)}})
        directory = self.useFixture(fixtures.TempDir()).path
        with open(f'{directory}/pdu.yaml', 'w') as file:
            file.write('watts: {function: 4, address: 10, type: uint16}')

        meter = self.connect(server, 'p', map=['pdu'], map_path=directory)

        self.assertEqual({'p': 5.0}, self.watts(meter))

    def test_changed_values_are_read(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'p')
        (before,) = meter.read()
        server.set_value(1, 0x0C, 'f', 120.0)
        server.set_value(1, 0x48, 'f', 10.25)

        (after,) = meter.read()

        self.assertEqual(120.0, after.watts)
        self.assertEqual(250, after.ticks - before.ticks)

    def test_nan_yields_no_value(self):
        server = self.serve(
            {
                1: {0x0C: ('f', math.nan), 0x48: ('f', 10.0)},
                2: {0x0C: ('f', math.nan), 0x48: ('f', math.nan)},
            }
        )

        (reading,) = self.connect(server, 'a', 'b').read()

        self.assertEqual(('a', None, 10_000), reading[:3])

    def test_invalid_energy_of_iem3000_is_skipped(self):
        server = self.serve({1: {0x0BF3: ('f', 1.5), 0x0C83: ('q', -(2**63))}})

        (reading,) = self.connect(server, 'p', map=['iem3000']).read()

        self.assertEqual((1500.0, None, None), reading[1:4])

    def test_exception_code_skips_only_its_probe(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'a', 'b', 'c')
        server.exception_codes[2] = constants.ExcCodes.DEVICE_BUSY

        self.assertEqual({'a': 100.0, 'c': 300.0}, self.watts(meter))
        server.exception_codes.clear()
        self.assertEqual(
            {'a': 100.0, 'b': 200.0, 'c': 300.0}, self.watts(meter)
        )

    def test_exception_code_is_explained_in_error(self):
        server = self.serve({1: {0x0C: ('f', 1.0)}})

        e = self.assertRaises(
            exception.ProtocolError, self.connect(server, 'p').read
        )

        self.assertEqual(
            f'127.0.0.1:{server.port} unit 1: register 0x0048: '
            'illegal data address (2)',
            str(e),
        )

    def test_unresponsive_unit_is_skipped_and_retried_after_backoff(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'a', 'b', 'c')
        server.silent.add(2)

        self.assertEqual({'a': 100.0, 'c': 300.0}, self.watts(meter))
        count = server.requests.count((2, 0x0C))
        self.assertEqual({'a': 100.0, 'c': 300.0}, self.watts(meter))

        self.assertEqual(count, server.requests.count((2, 0x0C)))
        server.silent.clear()
        services.wait_for(
            lambda: 'b' in self.watts(meter), 10, 'unit 2 is read again'
        )

    def test_gateway_exception_starts_backoff(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'a', 'b')
        server.exception_codes[2] = constants.ExcCodes.GATEWAY_NO_RESPONSE

        for _ in range(2):
            self.assertEqual({'a': 100.0}, self.watts(meter))

        self.assertEqual(1, server.requests.count((2, 0x0C)))

    def test_wattmeter_is_unreachable_if_no_unit_responds(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'a', 'b')
        server.silent.update((1, 2))

        e = self.assertRaises(exception.DeviceUnreachable, meter.read)

        self.assertIn('no response within 0.5 s', str(e))
        self.assertIn('unit 1', str(e))

    def test_reading_continues_after_meter_restart(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'a', 'b')
        meter.read()
        server.stop()
        server.start()

        self.assertEqual({'a': 100.0, 'b': 200.0}, self.watts(meter))

    def test_stopped_meter_is_unreachable_until_restart(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'a', 'b')
        # A server that stops while it accepts a connection leaves it open.
        meter.read()
        server.stop()

        for _ in range(2):
            self.assertRaises(exception.DeviceUnreachable, meter.read)
        server.start()

        self.assertEqual({'a': 100.0, 'b': 200.0}, self.watts(meter))

    def test_closed_port_is_unreachable(self):
        meter = self.make('p', host='127.0.0.1', port=services.free_port())

        e = self.assertRaises(exception.DeviceUnreachable, meter.open)

        self.assertIn('no connection within 0.5 s', str(e))

    def test_unresolvable_host_name_is_unreachable(self):
        meter = self.make('p', host='meter.invalid')

        self.assertRaises(exception.DeviceUnreachable, meter.open)


class _Peer(socketserver.ThreadingTCPServer):
    """TCP server with arbitrary responses.

    :param respond: returns the bytes of the response; None closes the
        connection.
    """

    allow_reuse_address = daemon_threads = True

    def __init__(
        self, respond: collections.abc.Callable[[bytes], bytes | None]
    ) -> None:
        self.connections = 0
        peer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                peer.connections += 1
                while request := self.request.recv(260):
                    response = respond(request)
                    if response is None:
                        return
                    self.request.sendall(response)

        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(
            target=self.serve_forever, args=(0.05,), daemon=True
        ).start()


def float_response(request: bytes, value: float) -> bytes:
    """Return the response to a request over TCP, with a float32."""
    return (
        request[:4]
        + b'\x00\x07'
        + request[6:8]
        + b'\x04'
        + struct.pack('>f', value)
    )


class FaultyMeterTest(ModbusTest):
    def connect(
        self,
        respond: collections.abc.Callable[[bytes], bytes | None],
        *probes: str,
    ) -> tuple[driver.Modbus, _Peer]:
        peer = _Peer(respond)
        self.addCleanup(peer.server_close)
        self.addCleanup(peer.shutdown)
        meter = self.make(
            *probes or ('p',),
            host='127.0.0.1',
            port=peer.server_address[1],
            timeout=0.2,
        )
        meter.open()
        return meter, peer

    def test_closed_idle_connection_is_reopened(self):
        idle = threading.Event()

        def respond(request: bytes) -> bytes | None:
            if idle.is_set():
                idle.clear()
                return None
            return float_response(request, 5.0)

        meter, peer = self.connect(respond)
        for _ in range(3):
            self.assertEqual({'p': 5.0}, self.watts(meter))
            idle.set()

        self.assertEqual(3, peer.connections)

    def test_malformed_response_raises(self):
        for respond in (
            lambda request: b'HTTP/1.1 400 Bad Request\r\n\r\n',
            lambda request: float_response(request, 5.0)[:-2],
            lambda request: (
                request[:4] + b'\x00\x05' + request[6:8] + b'\x02\x00\x05'
            ),
            lambda request: (
                request[:4]
                + b'\x00\x07'
                + request[6:8]
                + b'\xff\x00\x05\x00\x05'
            ),
            lambda request: request[:7] + b'\x55\x00',
            lambda request: float_response(b'\x77' + request[1:], 5.0),
        ):
            meter, _ = self.connect(respond)
            self.assertRaises(exception.DriverError, meter.read)

    def test_late_response_is_discarded(self):
        late = []

        def respond(request: bytes) -> bytes:
            if not late:
                late.append(float_response(request, 1.0))
                return b''
            return late[0] + float_response(request, 2.0)

        meter, _ = self.connect(respond, 'a', 'b')

        (reading,) = meter.read()

        self.assertEqual(('b', 2.0, 2000), reading[:3])


class RTUTest(ModbusTest):
    def setUp(self):
        super().setUp()
        self.line = self.useFixture(pty.Line())

    def connect(self, *probes: str, **options: typing.Any) -> driver.Modbus:
        meter = self.make(*probes, device=str(self.line.port), **options)
        meter.open()
        return meter

    def serve(self) -> modbus.ModbusServer:
        copied = {unit: dict(values) for unit, values in SDM.items()}
        return self.useFixture(
            modbus.ModbusServer(copied, self.line.meter.port)
        )

    def test_file_descriptors_above_1023_work(self):
        self.serve()
        self.useFixture(descriptors.Descriptors())

        (reading,) = self.connect('p').read()

        self.assertEqual(100.0, reading.watts)

    def test_units_on_line_are_read(self):
        self.serve()

        readings = self.connect('a', 'b', 'c').read()

        self.assertEqual(
            [('a', 100.0, 10_000), ('b', 200.0, 20_000), ('c', 300.0, 30_000)],
            [reading[:3] for reading in readings],
        )

    def test_mbpoll_reads_same_values(self):
        services.require('mbpoll')
        self.serve()

        polled = services.run(
            [
                'mbpoll',
                '-m',
                'rtu',
                '-P',
                'none',
                '-b',
                '9600',
                '-a',
                '2',
                '-0',
                '-r',
                str(0x0C),
                '-t',
                '3:float',
                '-B',
                '-1',
                self.line.port,
            ]
        ).rpartition(':')[2]

        self.assertEqual(
            {'a': 100.0, 'b': float(polled)},
            self.watts(self.connect('a', 'b')),
        )

    def test_unresponsive_unit_skips_only_its_probe(self):
        self.serve().silent.add(1)

        self.assertEqual({'b': 200.0}, self.watts(self.connect('a', 'b')))

    def test_unplugged_line_is_unreachable_until_reconnected(self):
        server = self.serve()
        meter = self.connect('a')
        meter.read()
        server.stop()
        self.line.unplug()

        self.assertRaises(exception.DeviceUnreachable, meter.read)
        self.assertRaises(exception.DeviceUnreachable, meter.read)
        self.line.plug()
        self.serve()

        self.assertEqual({'a': 100.0}, self.watts(meter))

    def test_missing_device_is_unreachable(self):
        meter = self.make('p', device='/dev/nowhere')

        e = self.assertRaises(exception.DeviceUnreachable, meter.open)

        self.assertIn('/dev/nowhere', str(e))

    def test_corrupted_response_raises(self):
        meter = self.connect('p', timeout=0.2)
        self.respond(lambda frame: frame[:-1] + bytes([frame[-1] ^ 1]))

        self.assertRaises(exception.DriverError, meter.read)

    def test_noise_before_response_never_yields_wrong_value(self):
        meter = self.connect('p', timeout=0.2)
        self.respond(lambda frame: b'\x00\xff' + frame)

        try:
            self.assertEqual({'p': 5.0}, self.watts(meter))
        except exception.DriverError:
            pass

    def test_late_response_is_discarded(self):
        meter = self.connect('p', timeout=0.2)
        addresses = self.respond(lambda frame: b'')
        self.assertRaises(exception.DeviceUnreachable, meter.read)

        # The response to the request for the power arrives now.
        self.assertEqual([0x0C], addresses)
        self.line.meter.write(rtu_frame(5.0))
        time.sleep(driver.INITIAL_BACKOFF_S)
        self.echo_address.set()
        addresses.clear()

        (reading,) = meter.read()

        self.assertEqual([0x0C, 0x48], addresses)
        self.assertEqual((0x0C, 72_000), (reading.watts, reading.ticks))

    def respond(
        self,
        corrupt: collections.abc.Callable[[bytes], bytes],
    ) -> list[int]:
        """Respond to requests with corrupted frames.

        Once ``echo_address`` is set, the value is the requested address.

        :returns: list to which the requested addresses are appended.
        """
        addresses: list[int] = []
        self.echo_address = threading.Event()

        def serve() -> None:
            while len(request := self.line.meter.read(8)) == 8:
                (address,) = struct.unpack('>H', request[2:4])
                addresses.append(address)
                self.line.meter.write(
                    rtu_frame(address)
                    if self.echo_address.is_set()
                    else corrupt(rtu_frame(5.0))
                )

        self.line.meter.timeout = 5
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.line.meter.cancel_read)
        return addresses
