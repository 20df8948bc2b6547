# SPDX-License-Identifier: Apache-2.0

"""Extraction of values from JSON documents."""

import json
import types

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import jsonpath


class PathTest(base.BaseTestCase):
    def find(self, text, document):
        return jsonpath.Path('watts_path', text).find(document, 'dev')

    def test_path_finds_its_value(self):
        for path, document in (
            ('$', 5),
            ('a.b', {'a': {'b': 5}}),
            ('$.a[1]', {'a': [4, 5]}),
            ('"x:0".y', {'x:0': {'y': 5}}),
            (
                '$.o[?(@.n=="A")].w',
                {'o': [{'n': 'B', 'w': 4}, {'n': 'A', 'w': 5}]},
            ),
        ):
            self.assertEqual(5, self.find(path, document), path)

    def test_null_is_a_value(self):
        self.assertIsNone(self.find('a', {'a': None}))

    def test_absent_value_is_missing(self):
        for document in ({}, [], None, 5, 'a', {'a': None}, {'a': []}):
            self.assertIs(
                jsonpath.MISSING, self.find('a.b', document), document
            )

    def test_several_values_are_an_error(self):
        e = self.assertRaises(
            exception.ProtocolError, self.find, 'a[*]', {'a': [1, 2]}
        )

        self.assertEqual(
            'dev: watts_path = a[*] matches 2 values, expected one', str(e)
        )

    def test_invalid_path_is_an_error_with_the_option(self):
        for text in ('a[', '', "a'", '??'):
            e = self.assertRaises(
                exception.DriverError, jsonpath.Path, 'watts_path', text
            )
            self.assertIn(f'watts_path = {text} is not a JSONPath', str(e))


class MatchesTest(base.BaseTestCase):
    def test_number_of_matches_is_bounded(self):
        path = jsonpath.Path('records_path', '$[*]')
        most = [0] * bounds.MAX_MATCHES

        self.assertEqual(most, path.find_all(most, 'dev'))
        e = self.assertRaises(
            exception.ProtocolError, path.find_all, [*most, 0], 'dev'
        )
        self.assertEqual(
            'dev: records_path = $[*] matches more than 10000 values', str(e)
        )


class DocumentSizeTest(base.BaseTestCase):
    def test_depth_is_bounded(self):
        deepest = bounds.MAX_JSON_DEPTH
        for opening, value, closing in (
            (b'[', b'', b']'),
            (b'{"a":', b'0', b'}'),
        ):
            levels = deepest - bool(value)
            for depth, is_valid in (
                (levels, True),
                (levels + 1, False),
                (100_000, False),
            ):
                text = depth * opening + value + depth * closing
                if is_valid:
                    jsonpath.parse(text)
                    continue
                e = self.assertRaises(ValueError, jsonpath.parse, text)
                self.assertEqual('nested too deeply', str(e))

    def test_number_of_values_is_bounded(self):
        # The list itself is a value.
        most = [0] * (bounds.MAX_JSON_VALUES - 1)

        self.assertEqual(most, jsonpath.parse(json.dumps(most).encode()))
        e = self.assertRaises(
            ValueError, jsonpath.parse, json.dumps([*most, 0]).encode()
        )
        self.assertEqual('more than 100000 values', str(e))

    def test_huge_integer_is_an_error(self):
        self.assertRaises(ValueError, jsonpath.parse, b'9' * 1_000_000)


class QuantityTest(base.BaseTestCase):
    def find(self, document, channel=None):
        return jsonpath.Quantity('watts_path', '$.a', channel).find(
            {'a': document}, 'dev'
        )

    def error_text(self, document, channel=None):
        return str(
            self.assertRaises(
                exception.ProtocolError, self.find, document, channel
            )
        )

    @hypothesis.given(
        strategies.lists(strategies.integers() | strategies.none(), max_size=9)
    )
    def test_channels_take_each_value_of_a_list_once(self, values):
        channels = [str(i) for i in range(len(values))]

        self.assertEqual(
            values, [self.find(values, channel) for channel in channels]
        )
        # There is none beyond the end, nor counted from there.
        for channel in (str(len(values)), '-1', 'a', '', '\u00b2', '0.0'):
            self.assertIn('without channel', self.error_text(values, channel))

    def test_value_without_channel_is_the_only_one(self):
        for document in (5, [5]):
            self.assertEqual(5, self.find(document))
        for document in ([], [5, 6], {'b': 5}):
            self.assertIn('watts_path = $.a is', self.error_text(document))

    def test_single_value_belongs_to_no_channel(self):
        for document in (5, 0, '5'):
            self.assertIn(
                'is a single value, not that of channel 0',
                self.error_text(document, '0'),
            )

    def test_unavailable_value_is_not_an_error(self):
        self.assertIsNone(self.find(None, '0'))
        self.assertIs(
            jsonpath.MISSING,
            jsonpath.Quantity('watts_path', 'b', '0').find({}, 'dev'),
        )


class ParseTest(base.BaseTestCase):
    def test_json_is_parsed(self):
        self.assertEqual({'a': 1.5}, jsonpath.parse(b'{"a": 1.5}'))

    def test_invalid_json_is_a_value_error(self):
        for text in (
            b'',
            b'{"a": 1',
            b'Offline',
            b'\xff\xfe\xfd',
            b'[' * 100_000,
            b'9' * 5000,
        ):
            self.assertRaises(ValueError, jsonpath.parse, text)


class SettingsTest(base.BaseTestCase):
    def test_option_precedes_preset_and_preset_precedes_default(
        self,
    ):
        options = types.SimpleNamespace(a='option', b=None, c=None)

        settings = jsonpath.settings(
            options,
            {'a': 'preset', 'b': 'preset'},
            {'a': '', 'b': '', 'c': 'default'},
        )

        self.assertEqual(
            ['option', 'preset', 'default'], [settings[name] for name in 'abc']
        )
