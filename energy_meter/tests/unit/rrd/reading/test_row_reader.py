# SPDX-License-Identifier: Apache-2.0

"""Tests of reading rows without librrd; librrd says what is right."""

import math
import pathlib
import struct
import tempfile

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base as test_base

from energy_meter.rrd.files import librrd
from energy_meter.rrd.reading import row_reader
from energy_meter.rrd.reading import window as rrd_window
from energy_meter.tests.unit.rrd import base

FUNCTIONS = (librrd.AVERAGE, librrd.MINIMUM, librrd.MAXIMUM)
#: Rows of one second for a minute, and of ten for twenty minutes.
SPANS = {1: 60, 10: 1200}


def create(path, *changes):
    """Create a file that ends at the epoch of tests."""
    librrd.create(
        str(path),
        '--start',
        str(base.EPOCH),
        '--step',
        '1',
        'DS:watts:GAUGE:30:0:U',
        *(
            f'RRA:{function}:0.5:{step}:{span // step}'
            for step, span in SPANS.items()
            for function in FUNCTIONS
        ),
        *changes,
    )


def window(start, end, step):
    return rrd_window.Window(start, end, step, True, '')


def read(path, start, end, step):
    return row_reader.RowReader().read(
        str(path), FUNCTIONS, window(start, end, step)
    )


def known(values):
    return [None if math.isnan(value) else value for value in values]


class SameRowsTest(test_base.BaseTestCase):
    @hypothesis.settings(deadline=None, max_examples=60)
    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.integers(1, 45), strategies.integers(0, 500)
            ),
            max_size=60,
        ),
        strategies.sampled_from(list(SPANS)),
        strategies.integers(-3, 80),
        strategies.integers(1, 90),
    )
    def test_rows_are_those_of_librrd(self, readings, step, behind, rows):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, 'node.rrd')
            create(path)
            now = base.EPOCH
            for seconds, watts in readings:
                now += seconds
                librrd.update(str(path), f'{now}:{watts}')
            end = (now // step - behind) * step
            start = end - rows * step
            found = read(path, start, end, step)
            if start < now // step * step - SPANS[step]:
                self.assertIsNone(found)
                return
            self.assertEqual(
                [
                    librrd.fetch(str(path), function, start, end, step)
                    for function in FUNCTIONS
                ],
                [librrd.Rows(start, step, known(each)) for each in found],
            )


class LeftToLibrrdTest(test_base.BaseTestCase):
    """Files and rows that only librrd can read."""

    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path, 'node.rrd'
        )
        create(self.path)
        librrd.update(str(self.path), f'{base.EPOCH + 9}:100')

    def read(self, step=1):
        return read(self.path, base.EPOCH, base.EPOCH + 10, step)

    def replace(self, old, new):
        content = self.path.read_bytes()
        self.assertIn(old, content)
        self.path.write_bytes(content.replace(old, new, 1))

    def test_valid_file_is_read(self):
        self.assertEqual([100.0] * 9, [*self.read()[0]][:9])

    def test_missing_file(self):
        self.path.unlink()
        self.assertIsNone(self.read())

    def test_directory(self):
        self.path.unlink()
        self.path.mkdir()
        self.assertIsNone(self.read())

    def test_empty_file(self):
        self.path.write_bytes(b'')
        self.assertIsNone(self.read())

    def test_truncated_file(self):
        self.path.write_bytes(self.path.read_bytes()[:-1])
        self.assertIsNone(self.read())

    def test_header_only(self):
        self.path.write_bytes(self.path.read_bytes()[:500])
        self.assertIsNone(self.read())

    def test_rows_of_another_length(self):
        self.assertIsNone(self.read(step=5))

    def test_file_of_another_program(self):
        self.replace(b'RRD\0', b'XXX\0')
        self.assertIsNone(self.read())

    def test_file_of_another_version(self):
        self.replace(b'0003\0', b'0001\0')
        self.assertIsNone(self.read())

    def test_file_of_another_machine(self):
        self.replace(struct.pack('@d', 8.642135e130), bytes(8))
        self.assertIsNone(self.read())

    def test_source_with_another_name(self):
        self.replace(b'watts\0', b'volts\0')
        self.assertIsNone(self.read())

    def test_file_with_two_sources(self):
        self.path.unlink()
        create(self.path, 'DS:volts:GAUGE:30:0:U')
        self.assertIsNone(self.read())

    def test_rra_without_rows(self):
        self.replace(struct.pack('@L', 60), bytes(8))
        self.assertIsNone(self.read())

    @hypothesis.settings(deadline=None, max_examples=100)
    @hypothesis.given(strategies.binary(max_size=4000))
    def test_noise(self, noise):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b'RRD\x000003\0' + noise)
            file.flush()
            self.assertIsNone(read(file.name, base.EPOCH, base.EPOCH + 10, 1))


class ChangedFileTest(test_base.BaseTestCase):
    """One reader reads files of all formats, at any time."""

    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path, 'node.rrd'
        )
        self.reader = row_reader.RowReader()
        create(self.path)

    def last(self):
        rows = self.reader.read(
            str(self.path),
            (librrd.AVERAGE,),
            window(base.EPOCH, base.EPOCH + 2, 1),
        )
        return known(rows[0])

    def test_update_is_seen(self):
        librrd.update(str(self.path), f'{base.EPOCH + 1}:100')
        self.assertEqual([100.0, None], self.last())
        librrd.update(str(self.path), f'{base.EPOCH + 2}:200')
        self.assertEqual([100.0, 200.0], self.last())

    def test_replacement_with_another_layout_is_seen(self):
        self.assertEqual([None, None], self.last())
        create(self.path, 'RRA:AVERAGE:0.5:60:100')
        librrd.update(str(self.path), f'{base.EPOCH + 2}:300')
        self.assertEqual([300.0, 300.0], self.last())
