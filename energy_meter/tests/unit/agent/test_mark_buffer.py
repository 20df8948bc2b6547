# SPDX-License-Identifier: Apache-2.0

"""Marks survive power failures, full disks and damaged files."""

import functools
import itertools
import json
import operator
import os
import pathlib
import zlib

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import mark_buffer
from energy_meter.agent import mark_file
from energy_meter.tests import series
from energy_meter.tests import usages


def make_mark(elapsed=1000, probe='p', **changes):
    return series.change(
        measurement.Measurement(
            measurement.Series(
                measurement.Probe(
                    probe, 'node', 'höst', 'meter', 'dummy', 'agent'
                ),
                measurement.RegisterKey('uuid', f'{probe}-register'),
                measurement.Predecessor('0' * 16, 5),
                True,
            ),
            1_700_000_000_000 + elapsed,
            elapsed,
            2 * elapsed,
            elapsed,
            is_mark=True,
        ),
        **changes,
    )


class BufferTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger('energy_meter.agent'))
        self.path = (
            pathlib.Path(self.useFixture(fixtures.TempDir()).path) / 'marks'
        )

    def make(self, **options):
        return mark_buffer.MarkBuffer(self.path, **options)

    def write(self, buffer, *marks):
        buffer.put(marks)
        return buffer.flush()

    def read(self, buffer, number):
        reader = buffer.reader(number)
        self.addCleanup(reader.close)
        return self.read_all(reader)

    def read_all(self, reader):
        marks = []
        while block := reader.read():
            marks += block
        return marks

    def fail_disk(self, error=28):
        return fixtures.MockPatchObject(
            os, 'fsync', side_effect=OSError(error, os.strerror(error))
        )


class FormatTest(BufferTestCase):
    @hypothesis.given(
        strategies.lists(
            strategies.lists(
                strategies.builds(
                    make_mark,
                    strategies.integers(0, 2**52),
                    strategies.sampled_from('pqr'),
                    after=strategies.none()
                    | strategies.builds(
                        measurement.Predecessor,
                        strategies.just('1' * 16),
                        strategies.integers(0, 2**52),
                    ),
                    synced=strategies.booleans(),
                    timestamp=strategies.integers(0, 2**52),
                    usage=strategies.none()
                    | strategies.lists(
                        strategies.integers(0, 2**52), max_size=3
                    ).map(lambda cpu: usages.usage(*cpu)),
                ),
                min_size=1,
                max_size=5,
            ),
            max_size=5,
        )
    )
    def test_marks_are_read_as_written(self, lines):
        path = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'file')
        encoder = mark_file.Encoder()
        path.write_bytes(b''.join(map(encoder.encode, lines)))

        reader = mark_file.Reader(path)

        self.assertEqual(list(itertools.chain(*lines)), self.read_all(reader))
        reader.close()

    def test_register_is_described_once_in_a_file(self):
        encoder = mark_file.Encoder()
        first = encoder.encode([make_mark(900_000)])

        second = encoder.encode([make_mark(1_800_000)])

        self.assertLess(len(second), len(first) / 2)

    def test_layout_is_described_once_in_a_file(self):
        encoder = mark_file.Encoder()
        numbers = range(50)
        first = encoder.encode([make_mark(1, usage=usages.usage(*numbers))])

        second = encoder.encode([make_mark(2, usage=usages.usage(*numbers))])

        self.assertLess(len(second), len(first) / 2)

    def test_growing_file_is_read_to_its_current_end(self):
        buffer = self.make()
        self.write(buffer, make_mark(1))
        reader = buffer.reader(1)
        self.addCleanup(reader.close)
        self.assertEqual([make_mark(1)], self.read_all(reader))

        self.write(buffer, make_mark(2), make_mark(3))

        self.assertEqual([make_mark(2), make_mark(3)], reader.read())
        self.assertEqual([], reader.read())


class DamageTest(BufferTestCase):
    def setUp(self):
        super().setUp()
        buffer = self.make()
        self.write(buffer, make_mark(1))
        self.first = (self.path / '00000001').read_bytes()
        self.write(buffer, make_mark(2), make_mark(3))
        self.write(buffer, make_mark(4))
        buffer.close()
        self.file = self.path / '00000001'
        self.content = self.file.read_bytes()

    def assert_read_up_to_damage(self, damaged, last=3):
        self.file.write_bytes(damaged)

        marks = self.read(self.make(), 1)

        self.assertEqual(list(map(make_mark, range(1, last + 1))), marks)
        (line,) = self.log.output.splitlines()
        self.assertIn(f'{self.file} is damaged', line)

    def test_file_cut_by_a_power_failure_is_read_up_to_the_cut(self):
        self.assert_read_up_to_damage(self.content[:-10])

    def test_zeros_at_the_end_are_damage(self):
        self.assert_read_up_to_damage(self.content[:-10] + bytes(10))

    def test_changed_bit_is_damage(self):
        self.assert_read_up_to_damage(
            self.content[:-6]
            + bytes([self.content[-6] ^ 1])
            + self.content[-5:]
        )

    def test_random_bytes_at_the_end_are_damage(self):
        self.assert_read_up_to_damage(self.content + b'\xff' * 100, 4)

    def test_marks_with_more_values_are_damage(self):
        # Given a block of a later release, in which a value was added to a
        # register, its probe or a mark,
        block = mark_file.Encoder().encode([make_mark(5, 'q')])
        for path in ((0, 0), (0, 0, 0), (1, 0)):
            content = json.loads(zlib.decompress(block[4:]))
            functools.reduce(operator.getitem, path, content).append(1)
            later = zlib.compress(json.dumps(content).encode())

            # when this release reads it, then it logs that, and misreads none.
            log = self.useFixture(fixtures.FakeLogger('energy_meter.agent'))
            self.file.write_bytes(
                self.content + len(later).to_bytes(4) + later
            )
            self.assertEqual(4, len(self.read(self.make(), 1)), path)
            self.assertIn('is damaged', log.output)

    def test_reader_stays_before_what_is_being_written(self):
        self.file.write_bytes(self.content[:-10])
        reader = self.make().reader(1)
        self.addCleanup(reader.close)

        marks = []
        while block := reader.read(len(self.first)):
            marks += block

        self.assertEqual([make_mark(1)], marks)
        self.assertEqual('', self.log.output)

    def test_next_run_writes_to_the_next_file(self):
        buffer = self.make()

        self.write(buffer, make_mark(5))

        self.assertEqual([1, 2], buffer.numbers())
        self.assertEqual([make_mark(5)], self.read(buffer, 2))
        self.assertEqual(self.content, self.file.read_bytes())


class BufferTest(BufferTestCase):
    def test_flushed_marks_are_on_the_disk(self):
        buffer = self.make()

        self.assertTrue(self.write(buffer, make_mark(1), make_mark(2)))

        self.assertEqual([make_mark(1), make_mark(2)], self.read(buffer, 1))
        self.assertEqual(
            (self.path / '00000001').stat().st_size, buffer.size()
        )

    def test_nothing_to_write_creates_no_file(self):
        buffer = self.make()

        self.assertTrue(buffer.flush())
        buffer.close()

        self.assertEqual([], list(self.path.iterdir()))

    def test_size_includes_files_of_earlier_runs(self):
        buffer = self.make()
        self.write(buffer, make_mark(1))
        size = buffer.size()
        buffer.close()

        self.assertEqual(size, self.make().size())

    def test_many_marks_are_split_into_blocks(self):
        buffer = self.make()
        self.write(buffer, *map(make_mark, range(2500)))

        reader = buffer.reader(1)
        self.addCleanup(reader.close)

        self.assertEqual(
            [1000, 1000, 500], [len(reader.read()) for _ in range(3)]
        )

    def test_full_file_is_complete(self):
        self.useFixture(
            fixtures.MockPatchObject(mark_buffer, '_MAX_FILE_BYTES', 120)
        )
        buffer = self.make()
        self.write(buffer, make_mark(1))
        self.assertFalse(buffer.is_complete(1))

        self.write(buffer, make_mark(2))
        self.write(buffer, make_mark(3))

        self.assertTrue(buffer.is_complete(1))
        self.assertEqual([1, 2], buffer.numbers())

    def test_old_file_is_complete_even_if_nothing_follows(self):
        buffer = self.make()
        self.write(buffer, make_mark(1))
        self.useFixture(
            fixtures.MockPatchObject(
                mark_buffer.time, 'monotonic', return_value=1e9
            )
        )

        buffer.flush()

        self.assertTrue(buffer.is_complete(1))

    def test_oldest_files_are_deleted_above_the_limit(self):
        self.useFixture(
            fixtures.MockPatchObject(mark_buffer, '_MAX_FILE_BYTES', 1)
        )
        buffer = self.make(max_bytes=1000)

        for elapsed in range(20):
            self.write(buffer, make_mark(elapsed))

        self.assertLessEqual(buffer.size(), 1000)
        self.assertGreater(buffer.size(), 500)
        self.assertEqual(20, buffer.numbers()[-1])
        self.assertEqual(len(buffer.numbers()), len(list(self.path.iterdir())))
        self.assertEqual(1, self.log.output.count('the oldest are deleted'))

    def test_deleted_file_has_no_reader(self):
        buffer = self.make()
        self.write(buffer, make_mark(1))
        buffer.close()

        buffer.delete(1)

        self.assertIsNone(buffer.reader(1))
        self.assertEqual((0, []), (buffer.size(), buffer.numbers()))

    def test_directory_that_cannot_be_created_is_an_error(self):
        self.path.write_text('')

        error = self.assertRaises(exception.StateUnusable, self.make)

        self.assertEqual(f'{self.path}: File exists', str(error))


class FullDiskTest(BufferTestCase):
    def test_marks_that_cannot_be_written_are_kept_for_publication(self):
        buffer = self.make()
        self.useFixture(self.fail_disk())

        self.assertFalse(self.write(buffer, make_mark(1)))
        self.assertFalse(self.write(buffer, make_mark(2)))

        self.assertEqual([make_mark(1), make_mark(2)], buffer.take_unwritten())
        self.assertEqual([], buffer.take_unwritten())

    def test_full_disk_is_logged_once(self):
        buffer = self.make()
        with self.fail_disk():
            for elapsed in range(10):
                self.write(buffer, make_mark(elapsed))
        self.write(buffer, make_mark(10))

        first, second = self.log.output.splitlines()

        self.assertIn('Cannot write marks', first)
        self.assertIn('No space left on device', first)
        self.assertEqual('Marks written again', second)

    def test_file_has_no_part_of_a_failed_write(self):
        buffer = self.make()
        self.write(buffer, make_mark(1))
        with self.fail_disk():
            self.write(buffer, make_mark(2, 'q'))

        self.write(buffer, make_mark(3, 'q'))

        self.assertEqual([make_mark(1)], self.read(buffer, 1))
        last = buffer.numbers()[-1]
        self.assertEqual(
            [make_mark(2, 'q'), make_mark(3, 'q')], self.read(buffer, last)
        )

    def test_full_disk_leaves_no_empty_files(self):
        buffer = self.make()
        self.useFixture(self.fail_disk())

        for elapsed in range(10):
            self.write(buffer, make_mark(elapsed))

        self.assertEqual([], list(self.path.iterdir()))

    def test_marks_in_memory_are_limited(self):
        self.useFixture(
            fixtures.MockPatchObject(mark_buffer, '_MAX_PENDING', 3)
        )
        buffer = self.make()
        self.useFixture(self.fail_disk())

        self.write(buffer, *map(make_mark, range(10)))

        self.assertEqual(
            list(map(make_mark, range(7, 10))), buffer.take_unwritten()
        )
