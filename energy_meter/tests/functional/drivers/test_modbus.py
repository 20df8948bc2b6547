# SPDX-License-Identifier: Apache-2.0


"""Modbus meters, as pymodbus' server plays them and mbpoll sees them."""

import collections.abc
import math
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
from energy_meter.drivers.modbus import driver
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import modbus
from energy_meter.tests.functional.services import pty

#: What each kind of meter shows: its registers, and the reading they mean
#: in watts and joules.
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

    def test_each_shipped_map_reads_its_meter(self):
        for name, (registers, watts, joules) in METERS.items():
            server = self.serve({1: registers})

            (reading,) = self.connect(server, 'p', map=[name]).read()

            self.assertEqual(watts, reading.watts, name)
            self.assertAlmostEqual(
                joules, reading.ticks * reading.counter.joules, 0, name
            )

    def test_an_independent_reader_sees_the_same(self):
        services.require('mbpoll')
        server = self.serve(SDM)

        (reading,) = self.connect(server, 'p').read()
        seen = {
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

        self.assertEqual(seen[0x0C], reading.watts)
        self.assertEqual(seen[0x48], reading.ticks / 1000)

    def test_units_are_probes_in_their_order(self):
        server = self.serve(SDM)

        meter = self.connect(server, 'c', None, 'a', units=[3, 2, 1])

        self.assertEqual({'c': 300.0, 'a': 100.0}, self.watts(meter))
        self.assertNotIn(2, {unit for unit, _ in server.requests})

    def test_units_may_have_maps_of_their_own(self):
        server = self.serve({1: METERS['sdm120'][0], 2: METERS['iem3000'][0]})

        meter = self.connect(server, 'a', 'b', map=['sdm120', 'iem3000'])

        self.assertEqual({'a': 230.5, 'b': 1500.0}, self.watts(meter))

    def test_a_custom_map_stands_in_the_configuration(self):
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
            (reading.ticks, reading.counter.joules, reading.counter.size),
        )
        self.assertAlmostEqual(230.1, reading.volts)
        self.assertAlmostEqual(1.05, reading.amperes)

    def test_a_map_of_the_operators_directory_needs_no_python(self):
        server = self.serve({1: {10: ('H', 5)}})
        directory = self.useFixture(fixtures.TempDir()).path
        with open(f'{directory}/pdu.yaml', 'w') as file:
            file.write('watts: {function: 4, address: 10, type: uint16}')

        meter = self.connect(server, 'p', map=['pdu'], map_path=directory)

        self.assertEqual({'p': 5.0}, self.watts(meter))

    def test_changing_values_are_followed(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'p')
        (before,) = meter.read()
        server.show(1, 0x0C, 'f', 120.0)
        server.show(1, 0x48, 'f', 10.25)

        (after,) = meter.read()

        self.assertEqual(120.0, after.watts)
        self.assertEqual(250, after.ticks - before.ticks)

    def test_not_a_number_is_no_reading(self):
        server = self.serve(
            {
                1: {0x0C: ('f', math.nan), 0x48: ('f', 10.0)},
                2: {0x0C: ('f', math.nan), 0x48: ('f', math.nan)},
            }
        )

        (reading,) = self.connect(server, 'a', 'b').read()

        self.assertEqual(('a', None, 10_000), reading[:3])

    def test_schneiders_invalid_energy_is_no_energy(self):
        server = self.serve({1: {0x0BF3: ('f', 1.5), 0x0C83: ('q', -(2**63))}})

        (reading,) = self.connect(server, 'p', map=['iem3000']).read()

        self.assertEqual((1500.0, None, None), reading[1:4])

    def test_an_exception_reply_costs_only_its_probe(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'a', 'b', 'c')
        server.refusals[2] = constants.ExcCodes.DEVICE_BUSY

        self.assertEqual({'a': 100.0, 'c': 300.0}, self.watts(meter))
        server.refusals.clear()
        self.assertEqual(
            {'a': 100.0, 'b': 200.0, 'c': 300.0}, self.watts(meter)
        )

    def test_an_exception_reply_is_told_in_words(self):
        server = self.serve({1: {0x0C: ('f', 1.0)}})

        e = self.assertRaises(
            exception.ProtocolError, self.connect(server, 'p').read
        )

        self.assertEqual(
            f'127.0.0.1:{server.port} unit 1: register 0x0048: '
            'illegal data address (2)',
            str(e),
        )

    def test_a_silent_unit_costs_only_its_probe_and_waits_its_turn(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'a', 'b', 'c')
        server.silent.add(2)

        self.assertEqual({'a': 100.0, 'c': 300.0}, self.watts(meter))
        asked = server.requests.count((2, 0x0C))
        self.assertEqual({'a': 100.0, 'c': 300.0}, self.watts(meter))

        self.assertEqual(asked, server.requests.count((2, 0x0C)))
        server.silent.clear()
        services.wait_for(
            lambda: 'b' in self.watts(meter), 10, 'unit 2 is asked again'
        )

    def test_what_a_gateway_says_of_a_silent_unit_is_the_same(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'a', 'b')
        server.refusals[2] = constants.ExcCodes.GATEWAY_NO_RESPONSE

        for _ in range(2):
            self.assertEqual({'a': 100.0}, self.watts(meter))

        self.assertEqual(1, server.requests.count((2, 0x0C)))

    def test_if_no_unit_answers_the_wattmeter_is_unreachable(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'a', 'b')
        server.silent.update((1, 2))

        e = self.assertRaises(exception.DeviceUnreachable, meter.read)

        self.assertIn('unit 1 did not answer: no answer within 0.5 s', str(e))

    def test_a_restarted_meter_is_read_on(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'a', 'b')
        meter.read()
        server.stop()
        server.start()

        self.assertEqual({'a': 100.0, 'b': 200.0}, self.watts(meter))

    def test_a_meter_that_is_gone_is_unreachable_until_it_is_back(self):
        server = self.serve(SDM)
        meter = self.connect(server, 'a', 'b')
        # A server that stops while it takes a connection leaves it open.
        meter.read()
        server.stop()

        for _ in range(2):
            self.assertRaises(exception.DeviceUnreachable, meter.read)
        server.start()

        self.assertEqual({'a': 100.0, 'b': 200.0}, self.watts(meter))

    def test_a_meter_that_was_never_there_is_unreachable(self):
        meter = self.make('p', host='127.0.0.1', port=services.free_port())

        e = self.assertRaises(exception.DeviceUnreachable, meter.open)

        self.assertIn('no connection within 0.5 s', str(e))

    def test_a_host_name_that_is_none_is_unreachable(self):
        meter = self.make('p', host='meter.invalid')

        self.assertRaises(exception.DeviceUnreachable, meter.open)


class _Peer(socketserver.ThreadingTCPServer):
    """A meter that answers each request as it likes.

    :param answer: gives the answer's bytes; None closes the connection.
    """

    allow_reuse_address = daemon_threads = True

    def __init__(
        self, answer: collections.abc.Callable[[bytes], bytes | None]
    ) -> None:
        self.connections = 0
        peer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                peer.connections += 1
                while request := self.request.recv(260):
                    reply = answer(request)
                    if reply is None:
                        return
                    self.request.sendall(reply)

        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(
            target=self.serve_forever, args=(0.05,), daemon=True
        ).start()


def float_answer(request: bytes, value: float) -> bytes:
    """Answer a request over TCP with a float32."""
    return (
        request[:4]
        + b'\x00\x07'
        + request[6:8]
        + b'\x04'
        + struct.pack('>f', value)
    )


class LyingMeterTest(ModbusTest):
    def connect(
        self,
        answer: collections.abc.Callable[[bytes], bytes | None],
        *probes: str,
    ) -> tuple[driver.Modbus, _Peer]:
        peer = _Peer(answer)
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

    def test_a_meter_that_closes_idle_connections_is_read_on(self):
        idle = threading.Event()

        def answer(request: bytes) -> bytes | None:
            if idle.is_set():
                idle.clear()
                return None
            return float_answer(request, 5.0)

        meter, peer = self.connect(answer)
        for _ in range(3):
            self.assertEqual({'p': 5.0}, self.watts(meter))
            idle.set()

        self.assertEqual(3, peer.connections)

    def test_nonsense_is_an_error_and_no_reading(self):
        for nonsense in (
            lambda request: b'HTTP/1.1 400 Bad Request\r\n\r\n',
            lambda request: float_answer(request, 5.0)[:-2],
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
            lambda request: float_answer(b'\x77' + request[1:], 5.0),
        ):
            meter, _ = self.connect(nonsense)
            self.assertRaises(exception.DriverError, meter.read)

    def test_a_late_answer_is_not_taken_for_another(self):
        late = []

        def answer(request: bytes) -> bytes:
            if not late:
                late.append(float_answer(request, 1.0))
                return b''
            return late[0] + float_answer(request, 2.0)

        meter, _ = self.connect(answer, 'a', 'b')

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

    def test_units_on_a_line_are_read(self):
        self.serve()

        readings = self.connect('a', 'b', 'c').read()

        self.assertEqual(
            [('a', 100.0, 10_000), ('b', 200.0, 20_000), ('c', 300.0, 30_000)],
            [reading[:3] for reading in readings],
        )

    def test_an_independent_reader_sees_the_same(self):
        services.require('mbpoll')
        self.serve()

        seen = services.run(
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
            {'a': 100.0, 'b': float(seen)}, self.watts(self.connect('a', 'b'))
        )

    def test_a_silent_unit_costs_only_its_probe(self):
        self.serve().silent.add(1)

        self.assertEqual({'b': 200.0}, self.watts(self.connect('a', 'b')))

    def test_an_unplugged_line_is_unreachable_until_it_is_plugged_in(self):
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

    def test_a_device_that_does_not_exist_is_unreachable(self):
        meter = self.make('p', device='/dev/nowhere')

        e = self.assertRaises(exception.DeviceUnreachable, meter.open)

        self.assertIn('/dev/nowhere did not answer', str(e))

    def test_a_damaged_answer_is_no_reading(self):
        meter = self.connect('p', timeout=0.2)
        self.answer(lambda frame: frame[:-1] + bytes([frame[-1] ^ 1]))

        self.assertRaises(exception.DriverError, meter.read)

    def test_noise_before_the_answer_is_no_reading_or_the_right_one(self):
        meter = self.connect('p', timeout=0.2)
        self.answer(lambda frame: b'\x00\xff' + frame)

        try:
            self.assertEqual({'p': 5.0}, self.watts(meter))
        except exception.DriverError:
            pass

    def test_a_late_answer_is_not_taken_for_another(self):
        meter = self.connect('p', timeout=0.2)
        asked = self.answer(lambda frame: b'')
        self.assertRaises(exception.DeviceUnreachable, meter.read)

        # The answer to "how many watts" comes now.
        self.assertEqual([0x0C], asked)
        self.line.meter.write(self.frame(5.0))
        time.sleep(driver.FIRST_PAUSE)
        self.answering.set()
        asked.clear()

        (reading,) = meter.read()

        self.assertEqual([0x0C, 0x48], asked)
        self.assertEqual((0x0C, 72_000), (reading.watts, reading.ticks))

    def answer(
        self,
        damage: collections.abc.Callable[[bytes], bytes],
    ) -> list[int]:
        """Answer requests with what ``damage`` leaves of the answer.

        :returns: the addresses that were asked for. Once ``answering`` is
            set, the answer is the address.
        """
        asked: list[int] = []
        self.answering = threading.Event()

        def serve() -> None:
            while len(request := self.line.meter.read(8)) == 8:
                (address,) = struct.unpack('>H', request[2:4])
                asked.append(address)
                self.line.meter.write(
                    self.frame(address)
                    if self.answering.is_set()
                    else damage(self.frame(5.0))
                )

        self.line.meter.timeout = 5
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.line.meter.cancel_read)
        return asked

    @staticmethod
    def frame(value: float) -> bytes:
        answer = pdu.register_message.ReadInputRegistersResponse(
            registers=list(struct.unpack('>2H', struct.pack('>f', value))),
            dev_id=1,
        )
        return framer.FramerRTU(pdu.DecodePDU(False)).buildFrame(answer)
