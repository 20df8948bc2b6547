# SPDX-License-Identifier: Apache-2.0

"""Ranges in braces stand for many texts."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.conf import ranges

#: Texts around a range.
PLAIN = strategies.text(
    strategies.characters(exclude_characters='{}\0', codec='utf-8'),
    max_size=9,
)
NUMBERS = strategies.integers(0, 10**6)
ELEMENTS = strategies.lists(
    strategies.text('abcXYZ019_.:/-', min_size=1, max_size=5),
    min_size=2,
    max_size=50,
)


class ExpandTest(base.BaseTestCase):
    def test_numbers_are_counted_up(self):
        self.assertEqual(
            ['bmc-9.example', 'bmc-10.example', 'bmc-11.example'],
            ranges.expand('bmc-{9..11}.example'),
        )

    def test_numbers_are_counted_down(self):
        self.assertEqual(['n3', 'n2', 'n1'], ranges.expand('n{3..1}'))

    def test_numbers_are_padded_if_written_so(self):
        self.assertEqual(['08', '09', '10', '11'], ranges.expand('{08..11}'))
        self.assertEqual('001', ranges.expand('{01..100}')[0])
        self.assertEqual(['0', '1'], ranges.expand('{0..1}'))

    def test_list_may_have_spaces(self):
        self.assertEqual(
            ['pdu-a', 'pdu-b.dc1', 'pdu-c'],
            ranges.expand('pdu-{a, b.dc1 ,c}'),
        )

    def test_other_braces_are_kept(self):
        for text in (
            '{channel}',
            '{host}-{name}',
            '{print $1, $2}',
            '{"a": 1, "b": 2}',
            '{1.3}',
            '{1...3}',
            '{a..c}',
            '{a,}',
            '{}',
        ):
            self.assertEqual([text], ranges.expand(text))

    def test_several_ranges_are_an_error(self):
        error = self.assertRaises(
            ValueError, ranges.expand, 'rack{1..4}-node{1..4}'
        )

        self.assertEqual(
            "'rack{1..4}-node{1..4}' has more than one range; write out all "
            'but one',
            str(error),
        )

    def test_range_that_is_too_large_is_an_error(self):
        largest = ranges.expand(f'{{1..{ranges.MAX_ELEMENTS}}}')
        error = self.assertRaises(
            ValueError, ranges.expand, f'{{0..{ranges.MAX_ELEMENTS}}}'
        )

        self.assertEqual(ranges.MAX_ELEMENTS, len(largest))
        self.assertEqual('{0..10000} has more than 10000 elements', str(error))

    @hypothesis.given(PLAIN, NUMBERS, strategies.integers(-500, 500), PLAIN)
    def test_each_number_between_the_bounds_is_yielded_once(
        self, before, first, distance, after
    ):
        last = abs(first + distance)

        texts = ranges.expand(f'{before}{{{first}..{last}}}{after}')

        self.assertEqual(abs(last - first) + 1, len(texts))
        self.assertEqual(f'{before}{first}{after}', texts[0])
        self.assertEqual(f'{before}{last}{after}', texts[-1])
        self.assertEqual(len(texts), len(set(texts)))
        for text in texts:
            number = int(text[len(before) : len(text) - len(after)])
            self.assertGreaterEqual(number, min(first, last))
            self.assertLessEqual(number, max(first, last))

    @hypothesis.given(NUMBERS, strategies.integers(0, 500))
    def test_padded_numbers_have_the_same_width(self, first, distance):
        last = first + distance

        texts = ranges.expand(f'{{0{first}..{last}}}')

        self.assertEqual(
            {max(len(str(first)) + 1, len(str(last)))}, set(map(len, texts))
        )
        self.assertEqual(
            list(range(first, last + 1)), [int(text) for text in texts]
        )

    @hypothesis.given(PLAIN, ELEMENTS, PLAIN)
    def test_each_element_of_a_list_is_yielded(self, before, elements, after):
        self.assertEqual(
            [before + element + after for element in elements],
            ranges.expand(f'{before}{{{",".join(elements)}}}{after}'),
        )

    @hypothesis.given(strategies.text('{}.,019ab -', max_size=20))
    def test_any_text_is_expanded_or_refused(self, text):
        try:
            texts = ranges.expand(text)
        except ValueError:
            return

        self.assertGreaterEqual(len(texts), 1)
        self.assertLessEqual(len(texts), ranges.MAX_ELEMENTS)
        if len(texts) > 1:
            self.assertTrue(
                all(ranges.could_yield(text, each) for each in texts)
            )


class StepTest(base.BaseTestCase):
    def test_all_ranges_of_a_value_go_in_step(self):
        second = ranges.positions('node-{01..03}')[1]

        self.assertEqual(
            'https://10.0.0.102/b/2',
            ranges.at('https://10.0.0.{101..103}/{a,b,c}/{1..3}', second),
        )

    def test_other_size_is_an_error_that_names_both(self):
        position = ranges.positions('node-{01..40}')[0]

        error = self.assertRaises(
            ValueError, ranges.at, '10.0.1.{101..139}', position
        )

        self.assertEqual(
            '{101..139} has 39 elements, but {01..40} in the name of the '
            'section has 40',
            str(error),
        )


class IDsTest(base.BaseTestCase):
    def test_each_id_may_contain_a_range(self):
        self.assertEqual(
            ['n-01', 'n-02', '', 'fan', 'pdu-a', 'pdu-b'],
            ranges.IDs()('n-{01..02}, , fan, pdu-{a,b}'),
        )

    def test_list_of_ids_is_kept(self):
        self.assertEqual(['a', 'b'], ranges.IDs()(['a', 'b']))

    @hypothesis.given(strategies.lists(ELEMENTS, min_size=1, max_size=5))
    def test_lists_are_joined_in_their_order(self, lists):
        text = ', '.join(f'x{{{",".join(each)}}}' for each in lists)

        self.assertEqual(
            [f'x{element}' for each in lists for element in each],
            ranges.IDs()(text),
        )
