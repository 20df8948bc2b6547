# SPDX-License-Identifier: Apache-2.0

"""Extraction of readings from documents."""

import json
import logging
import math
import types

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.common import extractor
from energy_meter.drivers.common import formats

JSON = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(),
    lambda values: (
        strategies.lists(values)
        | strategies.dictionaries(strategies.sampled_from('wet'), values)
    ),
)


def make(*probes: str | None, **options: object) -> extractor.Extractor:
    values = {option.dest: option.default for option in extractor.OPTS}
    return extractor.Extractor(
        extractor.Source('device', 'page'),
        types.SimpleNamespace(**values | {'format': 'json'} | options),
        probes,
        logging.getLogger(__name__),
    )


class ExtractorTest(base.BaseTestCase):
    @hypothesis.given(JSON)
    def test_only_numbers_of_the_document_are_read(self, document):
        given = make('p', watts_path='w', energy_path='e', energy_step=1.0)

        try:
            readings = given.read(json.dumps(document).encode())
        except exception.DriverError as e:
            self.assertIn('device', str(e))
            return

        for reading in readings:
            self.assertTrue(
                reading.watts is not None or reading.ticks is not None
            )
            self.assertTrue(math.isfinite(reading.watts or 0.0))
            self.assertGreaterEqual(reading.ticks or 0, 0)

    @hypothesis.given(
        strategies.lists(
            strategies.floats(0, 1e5), min_size=2, max_size=5, unique=True
        )
    )
    def test_each_probe_has_the_value_of_its_channel(self, values):
        # Given one document in both formats,
        probes = [f'p{index}' for index in range(len(values))]
        document = json.dumps({'w': values}).encode()
        samples = ''.join(
            f'w{{channel="{index}"}} {value!r}\n'
            for index, value in enumerate(values)
        )

        # when the channels are read from a list, by path and by label,
        found = [
            make(*probes, watts_path='w').read(document),
            make(*probes, watts_path='w[{channel}]').read(document),
            make(
                *probes,
                format='prometheus',
                watts_path='w{channel="{channel}"}',
            ).read(samples.encode()),
        ]

        # then all agree.
        expected = [
            measurement.Reading(probe, value)
            for probe, value in zip(probes, values, strict=True)
        ]
        self.assertEqual([expected] * 3, found)

    def test_missing_and_null_time_are_errors_with_the_option(self):
        for document in ({'w': 5}, {'w': 5, 't': None}):
            e = self.assertRaises(
                exception.ProtocolError,
                make('p', watts_path='w', time_path='t').read,
                json.dumps(document).encode(),
            )

            self.assertEqual(
                'device: the page has no time of probe p at time_path', str(e)
            )

    def test_path_that_the_format_does_not_use_is_an_error(self):
        for option in formats.FORMATS['json'].options - (
            formats.FORMATS['prometheus'].options
        ):
            e = self.assertRaises(
                exception.DriverError,
                make,
                'p',
                format='prometheus',
                watts_path='w',
                **{option: 'x'},
            )

            self.assertEqual(f'{option}: expected format = json', str(e))
