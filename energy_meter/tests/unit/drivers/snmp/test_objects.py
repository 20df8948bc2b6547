# SPDX-License-Identifier: Apache-2.0


"""Tests of numbers in SNMP objects."""

import decimal
import fractions

import hypothesis
from hypothesis import strategies
from oslotest import base
from pysnmp.proto import rfc1902

from energy_meter.drivers.common import bounds
from energy_meter.drivers.snmp import objects


class NumberTest(base.BaseTestCase):
    @hypothesis.given(strategies.integers(-(2**63), 2**64 - 1))
    def test_integer_is_a_number_also_as_text(self, number):
        self.assertEqual(number, objects.number(number))
        self.assertEqual(number, objects.number(str(number).encode()))

    @hypothesis.given(
        strategies.decimals(-(10**12), 10**12, places=4),
        strategies.sampled_from(['', ' ', '\0', '  ']),
    )
    def test_decimal_text_is_exact(self, number, padding):
        text = f'{padding}{number:f}{padding}'.encode()

        self.assertEqual(fractions.Fraction(number), objects.number(text))

    @hypothesis.given(strategies.binary())
    def test_arbitrary_bytes_are_a_decimal_number_or_none(self, text):
        number = objects.number(text)

        if number is not None:
            self.assertEqual(
                fractions.Fraction(
                    decimal.Decimal(text.decode().strip(' \0'))
                ),
                number,
            )

    def test_other_values_are_not_numbers(self):
        for value in (
            None,
            (1, 3, 6),
            b'',
            b' ',
            b'-',
            b'.5',
            b'5.',
            b'101 W',
            b'23,4',
            b'1e3',
            b'0x10',
            b'1_000',
            b'+5',
            b'nan',
            b'inf',
            b'N/A',
            b'not-support',
            b'1\n',
            b'9' * 21,
            '\N{ARABIC-INDIC DIGIT ONE}'.encode(),
        ):
            self.assertIsNone(objects.number(value), value)


class DecodeTest(base.BaseTestCase):
    def test_long_text_is_cut(self):
        most = bounds.MAX_SNMP_TEXT_BYTES
        for length, expected in ((most, most), (60_000, most)):
            name = rfc1902.ObjectIdentifier((1, 3))
            text = rfc1902.OctetString(b'x' * length)

            decoded = objects.decode([(name, text)])

            self.assertEqual([((1, 3), b'x' * expected)], decoded)
