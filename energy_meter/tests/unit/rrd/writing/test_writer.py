# SPDX-License-Identifier: Apache-2.0

"""Tests of writing measurements into files."""

import json
import math
import shutil
import statistics

from energy_meter import exception
from energy_meter.rrd.files import names
from energy_meter.tests.unit.rrd import base

LONG = 'é' * 190


class WritingTest(base.ArchiveTest):
    def test_first_measurement_creates_file(self):
        self.write(base.Meter(base.HOSTILE).read())
        self.assertEqual(
            [names.to_file(base.HOSTILE)],
            [path.name for path in self.directory.glob('*.rrd')],
        )
        self.assertEqual([100.0], self.known_watts(probe=base.HOSTILE))

    def test_points_have_timestamps_of_measurements(self):
        meter = base.Meter()
        measurements = [meter.read(watts=watts) for watts in (100, 120, 140)]
        self.write(*measurements, now=base.EPOCH + 10)
        series = self.series()
        self.assertEqual(base.EPOCH + 3, series.end)
        self.assertEqual([100, 120, 140], series.watts[-3:])

    def test_unordered_measurements_of_a_flush_are_written(self):
        meter = base.Meter()
        measurements = [meter.read(watts=watts) for watts in range(100, 110)]
        self.write(*measurements[::-1], *measurements)
        self.assertEqual(list(range(100, 110)), self.known_watts())
        self.assertEqual(10, self.skipped('duplicate'))
        self.assertEqual(10, self.counters.value('rrd_points_written'))

    def test_older_measurements_are_skipped_and_counted(self):
        meter = base.Meter()
        measurements = [meter.read(watts=watts) for watts in range(100, 110)]
        self.write(*measurements[5:])
        self.write(*measurements)
        self.assertEqual(list(range(105, 110)), self.known_watts()[-5:])
        self.assertEqual(9, self.skipped('out_of_order'))
        self.assertEqual(1, self.skipped('duplicate'))
        self.assertEqual('', self.log.output)

    def test_future_measurements_are_skipped_and_logged_once(self):
        meter = base.Meter()
        self.write(*meter.run(5))
        ahead = base.Meter(timestamp=base.EPOCH + 3600)
        self.write(*ahead.run(5), now=base.EPOCH + 6)
        self.write(*meter.run(5))
        self.assertEqual([100.0] * 10, self.known_watts())
        self.assertEqual(5, self.skipped('future'))
        self.assertEqual(1, self.log.output.count('in the future'))

    def test_future_measurement_creates_no_file(self):
        self.write(
            base.Meter(timestamp=base.EPOCH + 3600).read(), now=base.EPOCH
        )
        self.assertEqual([], list(self.directory.glob('*.rrd')))

    def test_clock_set_back_is_logged_once_until_it_catches_up(self):
        meter = base.Meter()
        self.write(*meter.run(10))
        meter.timestamp -= 8
        writer = self.make_writer()
        for _ in range(10):
            writer.put([meter.read(watts=150)])
            writer.flush()
        self.assertEqual(8, self.skipped('clock_step'))
        self.assertEqual(1, self.log.output.count('was set back'))
        writer.close()
        self.assertEqual([150.0, 150.0], self.known_watts()[-2:])

    def test_rows_have_configured_step(self):
        self.set(step=10, archives=[(10, 600), (60, 86_400)])
        meter = base.Meter()
        self.write(*(meter.read(watts=watts) for watts in range(100, 160)))
        series = self.series('minute')
        self.assertEqual(10, series.step)
        self.assertEqual(
            [104.5, 114.5, 124.5, 134.5, 144.5, 154.5], series.watts
        )

    def test_thousand_probes_are_written(self):
        self.set(archives=['1s/5m'])
        meters = [base.Meter(f'node-{number}') for number in range(1000)]
        writer = self.make_writer()
        for _ in range(3):
            writer.put(
                received
                for number, meter in enumerate(meters)
                for received in meter.run(4, watts=float(number))
            )
            self.now += 4
            writer.flush()
        self.assertEqual(12_000, self.counters.value('rrd_points_written'))
        archive = self.archive()
        self.assertEqual(
            {
                f'node-{number}': 12.0 * number / 3.6e6
                for number in range(1000)
            },
            {
                probe: figures.kwh
                for probe, figures in archive.figures('minute').items()
            },
        )
        self.assertEqual(
            [499_500.0] * 12, archive.series('minute', None).watts[-12:]
        )

    def test_measurements_within_a_second_are_averaged(self):
        meter = base.Meter()
        self.write(*(meter.read(1 / 64, watts) for watts in range(128)))
        self.assertEqual(
            [31.5, 95.5], [round(watts, 1) for watts in self.known_watts()]
        )

    def known_watts(self, **query):
        return [
            watts for watts in self.series(**query).watts if watts is not None
        ]


class ResolutionTest(base.ArchiveTest):
    """Each row has the mean and the extremes of its time."""

    def setUp(self):
        super().setUp()
        self.meter = base.Meter(timestamp=base.EPOCH - 1)
        self.first = self.meter.read()

    def test_rows_up_to_a_week_match_measurements(self):
        expected = _watts_with_peaks(86_400)
        self.write(
            self.first, *(self.meter.read(1, watts) for watts in expected)
        )
        for period, step in (
            ('minute', 1),
            ('hour', 10),
            ('day', 60),
            ('week', 300),
        ):
            with self.subTest(period):
                self.check(self.series(period), step, expected)

    def test_rows_from_a_month_match_measurements(self):
        self.set(max_gap=7200.0)
        expected = _watts_with_peaks(24 * 180)
        self.write(
            self.first, *(self.meter.read(3600, watts) for watts in expected)
        )
        with self.subTest('month'):
            self.check(
                self.series('month'),
                1800,
                [watts for watts in expected for _ in range(2)],
                1,
            )
        with self.subTest('year'):
            self.check(self.series('year'), 6 * 3600, expected, 6)

    def check(self, series, step, expected, count=None):
        """Compare rows with the power of the measurements.

        :param count: number of measurements in a row; by default one for
            each second.
        """
        count = count or step
        self.assertEqual(step, series.step)
        rows = [
            expected[start : start + count]
            for start in range(0, len(expected), count)
        ]
        rows = rows[-len(series.watts) :]
        self.assertEqual(
            [round(statistics.fmean(row), 6) for row in rows],
            [round(watts, 6) for watts in series.watts[-len(rows) :]],
        )
        if step > 10:
            self.assertEqual(
                [min(row) for row in rows], series.minima[-len(rows) :]
            )
            self.assertEqual(
                [max(row) for row in rows], series.maxima[-len(rows) :]
            )


def _watts_with_peaks(count):
    """Return power values with occasional peaks."""
    return [
        float(100 + place * 37 % 83 + 900 * (place % 101 == 0))
        for place in range(count)
    ]


class RestartTest(base.ArchiveTest):
    def test_restart_loses_no_points(self):
        meter = base.Meter(timestamp=base.EPOCH + 0.4)
        self.write(*meter.run(10, watts=100))
        self.write(*meter.run(10, watts=200))
        self.assertEqual(0, self.counters.value('rrd_measurements_skipped'))
        self.assertEqual(
            [100] * 9 + [160] + [200] * 9,
            [
                round(watts, 6)
                for watts in self.series().watts
                if watts is not None
            ],
        )

    def test_gap_of_restart_is_filled_from_register(self):
        meter = base.Meter()
        self.write(*meter.run(10))
        meter.read(20, watts=300)
        self.write(*meter.run(10))
        series = self.series()
        self.assertAlmostEqual(meter.joules, series.figures.kwh * 3.6e6, 3)
        self.assertEqual(20, sum(watts is None for watts in series.watts))

    def test_files_of_killed_writer_are_continued(self):
        meter = base.Meter(timestamp=base.EPOCH + 0.4)
        killed = self.make_writer()
        measurements = meter.run(20)
        self.now = meter.timestamp
        killed.put(measurements[:10])
        killed.flush()
        copy = self.directory.with_name('copy')
        shutil.copytree(self.directory, copy)
        (copy / 'index.json').unlink()
        self.set(directory=str(copy))
        self.write(*measurements)
        self.assertEqual(10, self.skipped('out_of_order'))
        self.assertEqual(
            [100.0] * 19,
            [
                round(watts, 6)
                for watts in self.series().watts
                if watts is not None
            ],
        )

    def test_probes_are_listed_after_restart(self):
        for probe in ('a/b', base.HOSTILE, LONG):
            self.write(base.Meter(probe, 'outlet', 'host').read())
        probes = self.archive().probes()
        self.assertEqual(
            sorted(['a/b', base.HOSTILE, LONG]), [probe.id for probe in probes]
        )
        self.assertEqual(
            {('outlet', 'host', 'wattmeter', base.EPOCH + 1, 100.0)},
            {probe[1:] for probe in probes},
        )

    def test_next_measurement_restores_lost_index(self):
        meter, hashed = base.Meter('a/b', 'outlet', 'host'), base.Meter(LONG)
        self.write(meter.read(), hashed.read())
        (self.directory / 'index.json').unlink()
        self.assertEqual(
            [('a/b', '', '', '', None, None)], self.archive().probes()
        )
        self.write(meter.read(), hashed.read())
        self.assertEqual(
            [('a/b', 'host'), (LONG, LONG)],
            [(probe.id, probe.host) for probe in self.archive().probes()],
        )

    def test_second_writer_is_rejected(self):
        self.make_writer()
        self.assertRaises(exception.ArchiveInUse, self.make_writer)


class FailureTest(base.ArchiveTest):
    def setUp(self):
        super().setUp()
        self.meters = [base.Meter('bad'), base.Meter('good')]
        self.write(*self.read(10))
        self.path = self.directory / 'bad.rrd'

    def read(self, count):
        return [meter.read() for _ in range(count) for meter in self.meters]

    def known_rows(self, probe):
        return sum(
            watts is not None for watts in self.series(probe=probe).watts
        )

    def set_aside(self):
        return [
            path.name.partition('.corrupt-')[0]
            for path in self.directory.glob('*.corrupt-*')
        ]

    def test_corrupt_file_is_set_aside_and_replaced(self):
        content = self.path.read_bytes()
        for damage in (
            b'',
            b'x' * len(content),
            content[:300],
            content[:100_000],
            b'\0' * len(content),
        ):
            with self.subTest(damage[:3]):
                self.path.write_bytes(damage)
                self.write(*self.read(5))
                self.assertEqual(5, self.known_rows('bad'))
                self.assertEqual(['bad.rrd'], self.set_aside())
                self.assertIn(
                    'renamed it to bad.rrd.corrupt-', self.log.output
                )
                next(self.directory.glob('*.corrupt-*')).unlink()
        self.assertEqual(35, self.known_rows('good'))
        self.assertEqual(5, self.counters.value('rrd_corrupt_files'))

    def test_file_corrupted_between_writes_is_replaced(self):
        writer = self.make_writer()
        writer.put(self.read(5))
        self.now += 10
        writer.flush()
        self.path.write_bytes(b'')
        writer.put(self.read(5))
        writer.close()
        self.assertEqual(
            (5, 20), (self.known_rows('bad'), self.known_rows('good'))
        )
        self.assertEqual(['bad.rrd'], self.set_aside())
        self.assertNotIn('queued', self.log.output)

    def test_file_removed_between_writes_is_replaced(self):
        writer = self.make_writer()
        self.now += 10
        writer.put(self.read(5))
        writer.flush()
        self.path.unlink()
        writer.put(self.read(5))
        writer.close()
        self.assertEqual(
            (5, 20), (self.known_rows('bad'), self.known_rows('good'))
        )

    def test_measurements_for_unwritable_file_are_queued(self):
        self.path.unlink()
        self.path.mkdir()
        writer = self.make_writer()
        self.now += 10
        for _ in range(3):
            writer.put(self.read(2))
            writer.flush()
        self.assertEqual(16, self.known_rows('good'))
        self.assertEqual(1, self.log.output.count('Cannot write 1 RRD files'))
        self.path.rmdir()
        writer.put(self.read(2))
        writer.flush()
        self.assertEqual(8, self.known_rows('bad'))
        self.assertIn('All RRD files can be written again', self.log.output)

    def test_unwritable_file_does_not_block_other_probes(self):
        self.set(max_backlog=10)
        self.path.unlink()
        self.path.mkdir()
        writer = self.make_writer()
        self.now += 20
        writer.put(self.read(20))
        self.assertTrue(writer.is_full)
        writer.flush()
        self.assertFalse(writer.is_full)
        self.assertEqual(15, self.skipped('overflow'))
        self.path.rmdir()
        writer.flush()
        self.assertEqual(
            (5, 30), (self.known_rows('bad'), self.known_rows('good'))
        )

    def test_corrupt_index_is_set_aside(self):
        (self.directory / 'index.json').write_text('{"probes"')
        self.write(*self.read(5))
        self.assertEqual(['index.json'], self.set_aside())
        self.assertEqual(
            (15, 15), (self.known_rows('bad'), self.known_rows('good'))
        )
        index = json.loads((self.directory / 'index.json').read_text())
        self.assertEqual({'bad', 'good'}, set(index['probes']))

    def test_unusable_directory_is_rejected(self):
        self.set(directory='/proc/energy_meter')
        error = self.assertRaises(exception.ArchiveUnusable, self.make_writer)
        self.assertIn('/proc/energy_meter', str(error))

    def test_file_of_another_layout_is_logged_and_written(self):
        self.set(max_gap=90.0)
        self.write(*self.read(5))
        self.assertEqual(15, self.known_rows('bad'))
        self.assertEqual(1, self.log.output.count('rrd migrate'))

    def test_implausible_power_is_skipped(self):
        for watts in (1e300, math.inf, math.nan, -1.0):
            self.write(
                *(
                    meter.read(metered=False)._replace(watts=watts)
                    for meter in self.meters
                )
            )
        self.write(*self.read(5))
        self.assertEqual(
            (15, 15), (self.known_rows('bad'), self.known_rows('good'))
        )
        self.assertEqual(8, self.skipped('no_value'))
