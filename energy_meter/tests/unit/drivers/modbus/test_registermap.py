# SPDX-License-Identifier: Apache-2.0

"""Tests of loading register maps and decoding registers."""

import struct

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.modbus import register as modbus_register
from energy_meter.drivers.modbus import registermap


def raw_registers(format_: str, value: float) -> list[int]:
    data = struct.pack(f'>{format_}', value)
    return [number for (number,) in struct.iter_unpack('>H', data)]


def register(**values) -> modbus_register.ModbusRegister:
    return modbus_register.ModbusRegister(
        **{'function': 4, 'address': 0} | values
    )


class RegisterTest(base.BaseTestCase):
    def test_each_type_is_decoded(self):
        for name, format_, value in (
            ('int16', 'h', -2),
            ('uint16', 'H', 65000),
            ('int32', 'i', -70000),
            ('uint32', 'I', 4_000_000_000),
            ('int64', 'q', -(2**40)),
            ('uint64', 'Q', 2**40),
            ('float32', 'f', 230.5),
            ('float64', 'd', 1e-9),
        ):
            self.assertEqual(
                value, register(type=name).value(raw_registers(format_, value))
            )

    def test_little_word_order_is_decoded(self):
        little_endian = register(type='float32', word_order='little')

        self.assertEqual(
            230.5, little_endian.value(raw_registers('f', 230.5)[::-1])
        )

    def test_bytes_of_each_register_can_be_swapped(self):
        swapped = register(
            type='float32', byte_order='little', word_order='little'
        )
        data = struct.pack('<f', 230.5)

        self.assertEqual(
            230.5, swapped.value(list(struct.unpack('>2H', data)))
        )

    @hypothesis.given(
        value=strategies.integers(0, 2**31),
        byte_order=strategies.sampled_from(['big', 'little']),
        word_order=strategies.sampled_from(['big', 'little']),
    )
    def test_each_order_decodes_the_same_value(
        self, value, byte_order, word_order
    ):
        data = struct.pack('>I', value)
        registers = [
            int.from_bytes(pair, byte_order) for pair in (data[:2], data[2:])
        ]
        if word_order == 'little':
            registers.reverse()

        self.assertEqual(
            value,
            register(
                type='uint32', byte_order=byte_order, word_order=word_order
            ).ticks(registers),
        )

    def test_exponent_scales_power_and_energy(self):
        # given SunSpec's scale factors: one before the value, one after it
        power = register(
            address=40, type='int16', exponent_address=41, scale=2
        )
        energy = register(
            address=40, type='uint32', exponent_address=38, scale=1
        )

        self.assertEqual((40, 2), (power.start, power.count))
        self.assertAlmostEqual(246.8, power.value([1234, 0xFFFF]))
        self.assertEqual((38, 4), (energy.start, energy.count))
        raw = [2, 0, 0, 7]
        self.assertEqual(7, energy.ticks(raw))
        self.assertEqual(360_000.0, energy.counter(raw).joules_per_tick)

    @hypothesis.given(strategies.integers(-0x8000, 0x7FFF))
    def test_exponent_out_of_range_is_unavailable(self, exponent):
        power = register(address=0, type='int16', exponent_address=1)
        raw = [7, exponent % 0x10000]

        watts = power.value(raw)

        if -10 <= exponent <= 10:
            self.assertAlmostEqual(7 * 10**exponent, watts)
        else:
            self.assertIsNone(watts)
            self.assertIsNone(power.ticks(raw))

    def test_value_is_scaled(self):
        self.assertEqual(
            1500.0,
            register(type='float32', scale=1000).value(
                raw_registers('f', 1.5)
            ),
        )

    def test_nan_and_invalid_values_are_unavailable(self):
        signed = register(type='int16', invalid=(-1,))

        self.assertIsNone(signed.value(raw_registers('h', -1)))
        self.assertIsNone(signed.ticks(raw_registers('h', -1)))
        for value in (float('nan'), float('inf')):
            self.assertIsNone(
                register(type='float32').value(raw_registers('f', value))
            )

    def test_integer_counter_rolls_over_by_type(self):
        energy = register(type='uint32', scale=100, step=10)

        self.assertEqual(
            4_000_000_000, energy.ticks(raw_registers('I', 4_000_000_000))
        )
        self.assertEqual(
            (360_000.0, 10, 2**32),
            (
                energy.counter([]).joules_per_tick,
                energy.counter([]).step,
                energy.counter([]).rollover,
            ),
        )

    def test_float_counter_rolls_over_by_map(self):
        energy = register(
            type='float32', scale=1000, step=0.01, rollover=10_000
        )

        self.assertEqual(1235, energy.ticks(raw_registers('f', 12.35)))
        self.assertEqual(
            (36_000.0, 1, 1_000_000),
            (
                energy.counter([]).joules_per_tick,
                energy.counter([]).step,
                energy.counter([]).rollover,
            ),
        )

    def test_default_step_of_float_is_one_thousandth(self):
        energy = register(type='float32', scale=1000)

        self.assertEqual(12_345, energy.ticks(raw_registers('f', 12.345)))
        self.assertEqual(3600.0, energy.counter([]).resolution)

    def test_negative_energy_is_unavailable(self):
        self.assertIsNone(register(type='int32').ticks(raw_registers('i', -5)))


class IncludedMapsTest(base.BaseTestCase):
    def test_included_maps_have_power_and_energy(self):
        self.assertEqual(
            ['iem3000', 'sdm120', 'sdm230', 'sdm630'], registermap.included()
        )
        for name in registermap.included():
            registers = registermap.load(name, '/nowhere', None)
            self.assertIsNotNone(registers.watts, name)
            self.assertEqual(
                3600.0, registers.energy.counter([]).resolution, name
            )


class LoadTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path

    def write(self, name: str, text: str) -> None:
        with open(f'{self.directory}/{name}.yaml', 'w') as file:
            file.write(text)

    def load(self, name: str, registers: str | None = None):
        return registermap.load(name, self.directory, registers)

    def assertInvalid(self, text: str, *reasons: str) -> None:
        e = self.assertRaises(exception.DriverError, self.load, 'custom', text)
        for reason in reasons:
            self.assertIn(reason, str(e))

    def test_operator_map_is_loaded_by_file_name(self):
        self.write('mine', 'watts: {function: 3, address: 7, type: int16}')

        self.assertEqual(
            modbus_register.ModbusRegister(3, 7, 'int16'),
            self.load('mine').watts,
        )

    def test_operator_map_takes_precedence(self):
        self.write('sdm120', 'watts: {function: 3, address: 7, type: int16}')

        self.assertEqual(7, self.load('sdm120').watts.address)

    def test_custom_map_is_read_from_option(self):
        registers = self.load(
            'custom',
            '{description: PDU, energy: '
            '{function: 4, address: 0x10, type: uint32}}',
        )

        self.assertEqual(16, registers.energy.address)
        self.assertIsNone(registers.watts)

    def test_unknown_map_error_lists_available_maps(self):
        e = self.assertRaises(exception.DriverError, self.load, 'sdm999')

        self.assertIn('map = sdm999: expected custom', str(e))
        self.assertIn('sdm120', str(e))
        self.assertIn(self.directory, str(e))

    def test_unreadable_file_error_names_map(self):
        with open(f'{self.directory}/binary.yaml', 'wb') as file:
            file.write(b'\xff\xfe\x00')

        e = self.assertRaises(exception.DriverError, self.load, 'binary')
        self.assertIn('map binary: ', str(e))

    def test_invalid_map_error_states_expected_keys(self):
        self.assertInvalid('{', 'registers: invalid YAML')
        self.assertInvalid('', 'expected watts and energy')
        self.assertInvalid('[1]', 'expected watts and energy')
        self.assertInvalid(
            '{volts: {function: 4, address: 0, type: int16}}',
            'expected watts, energy or both',
        )
        self.assertInvalid('{watt: {}}', 'unknown key watt; expected watts')
        self.assertInvalid('{watts: 12}', 'watts: expected function')
        self.assertInvalid(
            '{watts: {function: 4, type: int16}}', 'watts: missing address'
        )
        self.assertInvalid(
            '{watts: {addr: 4}}', 'watts: unknown key addr; expected'
        )

    def test_invalid_value_error_states_expected_value(self):
        valid = {'function': '4', 'address': '0', 'type': 'int16'}
        for key, value, expected in (
            ('function', '5', '3 or 4'),
            ('function', '[]', '3 or 4'),
            ('address', '70000', '0 to 65535'),
            ('address', 'x', '0 to 65535'),
            ('type', 'float', 'int16, uint16'),
            ('type', '[]', 'int16'),
            ('word_order', 'mixed', 'big or little'),
            ('scale', '0', 'positive number'),
            ('scale', '.nan', 'positive number'),
            ('step', '-1', 'positive number'),
            ('rollover', 'yes', 'positive number'),
            ('invalid', '-1', 'list of numbers'),
            ('invalid', '[x]', 'list of numbers'),
        ):
            entry = ', '.join(
                f'{name}: {text}'
                for name, text in {**valid, key: value}.items()
            )
            self.assertInvalid(
                f'{{watts: {{{entry}}}}}', f'watts: {key}: ', expected
            )
