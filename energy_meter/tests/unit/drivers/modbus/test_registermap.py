# SPDX-License-Identifier: Apache-2.0


"""Register maps say what words mean, and nonsense in them is named."""

import struct

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.modbus import registermap


def words(kind: str, value: float) -> list[int]:
    return [
        word
        for (word,) in struct.iter_unpack('>H', struct.pack(f'>{kind}', value))
    ]


def register(**values) -> registermap.Register:
    return registermap.Register(**{'function': 4, 'address': 0} | values)


class RegisterTest(base.BaseTestCase):
    def test_each_type_is_decoded(self):
        for name, kind, value in (
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
                value, register(type=name).value(words(kind, value))
            )

    def test_a_little_word_order_puts_the_least_words_first(self):
        little = register(type='float32', word_order='little')

        self.assertEqual(230.5, little.value(words('f', 230.5)[::-1]))

    def test_a_value_is_scaled_to_its_unit(self):
        self.assertEqual(
            1500.0, register(type='float32', scale=1000).value(words('f', 1.5))
        )

    def test_nan_and_invalid_values_are_unavailable(self):
        flagged = register(type='int16', invalid=(-1,))

        self.assertIsNone(flagged.value(words('h', -1)))
        self.assertIsNone(flagged.ticks(words('h', -1)))
        for value in (float('nan'), float('inf')):
            self.assertIsNone(
                register(type='float32').value(words('f', value))
            )

    def test_an_integer_counts_in_its_own_units_and_wraps_by_its_width(self):
        energy = register(type='uint32', scale=100, step=10)

        self.assertEqual(
            4_000_000_000, energy.ticks(words('I', 4_000_000_000))
        )
        self.assertEqual(
            (360_000.0, 10, 2**32),
            (energy.counter.joules, energy.counter.step, energy.counter.size),
        )

    def test_a_decimal_counts_in_steps_and_wraps_where_the_map_says(self):
        energy = register(type='float32', scale=1000, step=0.01, size=10_000)

        self.assertEqual(1235, energy.ticks(words('f', 12.35)))
        self.assertEqual(
            (36_000.0, 1, 1_000_000),
            (energy.counter.joules, energy.counter.step, energy.counter.size),
        )

    def test_without_a_step_a_decimal_counts_thousandths(self):
        energy = register(type='float32', scale=1000)

        self.assertEqual(12_345, energy.ticks(words('f', 12.345)))
        self.assertEqual(3600.0, energy.counter.resolution)

    def test_a_negative_energy_is_unavailable(self):
        self.assertIsNone(register(type='int32').ticks(words('i', -5)))


class ShippedTest(base.BaseTestCase):
    def test_every_shipped_map_can_be_loaded_and_has_a_counter(self):
        self.assertEqual(
            ['iem3000', 'sdm120', 'sdm230', 'sdm630'], registermap.shipped()
        )
        for name in registermap.shipped():
            registers = registermap.load(name, '/nowhere', None)
            self.assertIsNotNone(registers.watts, name)
            self.assertEqual(3600.0, registers.energy.counter.resolution, name)


class LoadTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path

    def write(self, name: str, text: str) -> None:
        with open(f'{self.directory}/{name}.yaml', 'w') as file:
            file.write(text)

    def load(self, name: str, registers: str | None = None):
        return registermap.load(name, self.directory, registers)

    def refuse(self, text: str, *expected: str) -> None:
        e = self.assertRaises(exception.DriverError, self.load, 'custom', text)
        for part in expected:
            self.assertIn(part, str(e))

    def test_a_map_of_the_operator_is_found_by_its_file_name(self):
        self.write('mine', 'watts: {function: 3, address: 7, type: int16}')

        self.assertEqual(
            registermap.Register(3, 7, 'int16'), self.load('mine').watts
        )

    def test_it_goes_before_a_shipped_one(self):
        self.write('sdm120', 'watts: {function: 3, address: 7, type: int16}')

        self.assertEqual(7, self.load('sdm120').watts.address)

    def test_custom_is_what_the_configuration_says(self):
        registers = self.load(
            'custom',
            '{description: PDU, energy: '
            '{function: 4, address: 0x10, type: uint32}}',
        )

        self.assertEqual(16, registers.energy.address)
        self.assertIsNone(registers.watts)

    def test_an_unknown_name_is_told_the_known_ones(self):
        e = self.assertRaises(exception.DriverError, self.load, 'sdm999')

        self.assertIn('map = sdm999: expected custom', str(e))
        self.assertIn('sdm120', str(e))
        self.assertIn(self.directory, str(e))

    def test_an_unreadable_file_is_named(self):
        with open(f'{self.directory}/binary.yaml', 'wb') as file:
            file.write(b'\xff\xfe\x00')

        e = self.assertRaises(exception.DriverError, self.load, 'binary')
        self.assertIn('map binary: ', str(e))

    def test_nonsense_is_named_with_what_was_expected(self):
        self.refuse('{', 'registers: no YAML')
        self.refuse('', 'expected watts and energy')
        self.refuse('[1]', 'expected watts and energy')
        self.refuse(
            '{volts: {function: 4, address: 0, type: int16}}',
            'expected watts, energy or both',
        )
        self.refuse('{watt: {}}', 'watt: expected watts')
        self.refuse('{watts: 12}', 'watts: expected function')
        self.refuse(
            '{watts: {function: 4, type: int16}}', 'watts: address missing'
        )
        self.refuse('{watts: {addr: 4}}', 'watts: addr: expected')

    def test_each_wrong_value_is_named_with_what_was_expected(self):
        right = {'function': '4', 'address': '0', 'type': 'int16'}
        for key, value, expected in (
            ('function', '5', '3 or 4'),
            ('function', '[]', '3 or 4'),
            ('address', '70000', '0 to 65535'),
            ('address', 'x', '0 to 65535'),
            ('type', 'float', 'int16, uint16'),
            ('type', '[]', 'int16'),
            ('word_order', 'mixed', 'big or little'),
            ('scale', '0', 'above zero'),
            ('scale', '.nan', 'above zero'),
            ('step', '-1', 'above zero'),
            ('size', 'yes', 'above zero'),
            ('invalid', '-1', 'list of numbers'),
            ('invalid', '[x]', 'list of numbers'),
        ):
            entry = ', '.join(
                f'{name}: {text}'
                for name, text in {**right, key: value}.items()
            )
            self.refuse(f'{{watts: {{{entry}}}}}', f'watts: {key}: ', expected)
