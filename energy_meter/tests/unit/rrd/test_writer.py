# SPDX-License-Identifier: Apache-2.0


"""Measurements in files."""

import json
import math
import shutil
import statistics

from energy_meter import exception
from energy_meter.rrd import names
from energy_meter.tests.unit.rrd import base

LONG = 'é' * 190


class WritingTest(base.ArchiveTest):
    def test_file_begins_with_the_first_measurement(self):
        self.write(base.Meter(base.HOSTILE).read())
        self.assertEqual(
            [names.to_file(base.HOSTILE)],
            [path.name for path in self.directory.glob('*.rrd')],
        )
        self.assertEqual([100.0], self.known(probe=base.HOSTILE))

    def test_measurements_have_their_own_times(self):
        meter = base.Meter()
        words = [meter.read(watts=watts) for watts in (100, 120, 140)]
        self.write(*words, now=base.EPOCH + 10)
        series = self.series()
        self.assertEqual(base.EPOCH + 3, series.end)
        self.assertEqual([100, 120, 140], series.watts[-3:])

    def test_measurements_of_a_flush_may_be_in_any_order(self):
        meter = base.Meter()
        words = [meter.read(watts=watts) for watts in range(100, 110)]
        self.write(*words[::-1], *words)
        self.assertEqual(list(range(100, 110)), self.known())
        self.assertEqual(10, self.skipped('repeated'))
        self.assertEqual(10, self.counters.value('points'))

    def test_older_measurements_are_skipped_and_counted(self):
        meter = base.Meter()
        words = [meter.read(watts=watts) for watts in range(100, 110)]
        self.write(*words[5:])
        self.write(*words)
        self.assertEqual(list(range(105, 110)), self.known()[-5:])
        self.assertEqual(9, self.skipped('late'))
        self.assertEqual(1, self.skipped('repeated'))
        self.assertEqual('', self.log.output)

    def test_measurements_from_the_future_are_skipped_and_told_once(self):
        meter = base.Meter()
        self.write(*meter.run(5))
        ahead = base.Meter(time=base.EPOCH + 3600)
        self.write(*ahead.run(5), now=base.EPOCH + 6)
        self.write(*meter.run(5))
        self.assertEqual([100.0] * 10, self.known())
        self.assertEqual(5, self.skipped('future'))
        self.assertEqual(1, self.log.output.count('made in the future'))

    def test_probe_from_the_future_has_no_file(self):
        self.write(base.Meter(time=base.EPOCH + 3600).read(), now=base.EPOCH)
        self.assertEqual([], list(self.directory.glob('*.rrd')))

    def test_clock_that_is_set_back_is_told_once_and_waited_for(self):
        meter = base.Meter()
        self.write(*meter.run(10))
        meter.time -= 8
        writer = self.make_writer()
        for _ in range(10):
            writer.put([meter.read(watts=150)])
            writer.flush()
        self.assertEqual(8, self.skipped('clock'))
        self.assertEqual(1, self.log.output.count('was set back'))
        writer.close()
        self.assertEqual([150.0, 150.0], self.known()[-2:])

    def test_step_can_be_longer(self):
        self.set(step=10, archives=[(10, 600), (60, 86_400)])
        meter = base.Meter()
        self.write(*(meter.read(watts=watts) for watts in range(100, 160)))
        series = self.series('minute')
        self.assertEqual(10, series.step)
        self.assertEqual(
            [104.5, 114.5, 124.5, 134.5, 144.5, 154.5], series.watts
        )

    def test_a_thousand_probes(self):
        self.set(archives=['1s/5m'])
        meters = [base.Meter(f'node-{number}') for number in range(1000)]
        writer = self.make_writer()
        for _ in range(3):
            writer.put(
                word
                for number, meter in enumerate(meters)
                for word in meter.run(4, watts=float(number))
            )
            self.now += 4
            writer.flush()
        self.assertEqual(12_000, self.counters.value('points'))
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

    def test_many_measurements_a_second(self):
        meter = base.Meter()
        self.write(*(meter.read(1 / 64, watts) for watts in range(128)))
        self.assertEqual(
            [31.5, 95.5], [round(watts, 1) for watts in self.known()]
        )

    def known(self, **view):
        return [
            watts for watts in self.series(**view).watts if watts is not None
        ]


class ResolutionTest(base.ArchiveTest):
    """Every row has the mean and the peaks of what it covers."""

    def setUp(self):
        super().setUp()
        self.meter = base.Meter(time=base.EPOCH - 1)
        self.first = self.meter.read()

    def test_fine_rows(self):
        truth = _hills(86_400)
        self.write(self.first, *(self.meter.read(1, watts) for watts in truth))
        for period, step in (
            ('minute', 1),
            ('hour', 10),
            ('day', 60),
            ('week', 300),
        ):
            with self.subTest(period):
                self.check(self.series(period), step, truth)

    def test_coarse_rows(self):
        self.set(max_gap=7200.0)
        truth = _hills(24 * 180)
        self.write(
            self.first, *(self.meter.read(3600, watts) for watts in truth)
        )
        with self.subTest('month'):
            self.check(
                self.series('month'),
                1800,
                [watts for watts in truth for _ in range(2)],
                1,
            )
        with self.subTest('year'):
            self.check(self.series('year'), 6 * 3600, truth, 6)

    def check(self, series, step, truth, number=None):
        """Compare rows with the truth.

        :param number: of true values in a row.
        """
        self.assertEqual(step, series.step)
        rows = [
            truth[start : start + (number or step)]
            for start in range(0, len(truth), number or step)
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


def _hills(number):
    """Give powers with a peak now and then."""
    return [
        float(100 + place * 37 % 83 + 900 * (place % 101 == 0))
        for place in range(number)
    ]


class RestartTest(base.ArchiveTest):
    def test_restart_loses_nothing(self):
        meter = base.Meter(time=base.EPOCH + 0.4)
        self.write(*meter.run(10, watts=100))
        self.write(*meter.run(10, watts=200))
        self.assertEqual(0, self.counters.value('skipped'))
        self.assertEqual(
            [100] * 9 + [160] + [200] * 9,
            [
                round(watts, 6)
                for watts in self.series().watts
                if watts is not None
            ],
        )

    def test_gap_over_a_restart_is_filled_from_the_register(self):
        meter = base.Meter()
        self.write(*meter.run(10))
        meter.read(20, watts=300)
        self.write(*meter.run(10))
        series = self.series()
        self.assertAlmostEqual(meter.joules, series.figures.kwh * 3.6e6, 3)
        self.assertEqual(20, sum(watts is None for watts in series.watts))

    def test_killed_writer_leaves_files_that_the_next_goes_on_with(self):
        meter = base.Meter(time=base.EPOCH + 0.4)
        killed = self.make_writer()
        words = meter.run(20)
        self.now = words[-1].time
        killed.put(words[:10])
        killed.flush()
        copy = self.directory.with_name('copy')
        shutil.copytree(self.directory, copy)
        (copy / 'index.json').unlink()
        self.set(directory=str(copy))
        self.write(*words)
        self.assertEqual(10, self.skipped('late'))
        self.assertEqual(
            [100.0] * 19,
            [
                round(watts, 6)
                for watts in self.series().watts
                if watts is not None
            ],
        )

    def test_probes_are_known_after_a_restart(self):
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

    def test_without_an_index_the_next_measurement_tells_what_it_told(self):
        meter, long = base.Meter('a/b', 'outlet', 'host'), base.Meter(LONG)
        self.write(meter.read(), long.read())
        (self.directory / 'index.json').unlink()
        self.assertEqual(
            [('a/b', '', '', '', None, None)], self.archive().probes()
        )
        self.write(meter.read(), long.read())
        self.assertEqual(
            [('a/b', 'host'), (LONG, LONG)],
            [(probe.id, probe.host) for probe in self.archive().probes()],
        )

    def test_second_writer_is_refused(self):
        self.make_writer()
        self.assertRaises(exception.ArchiveInUse, self.make_writer)


class TroubleTest(base.ArchiveTest):
    def setUp(self):
        super().setUp()
        self.meters = [base.Meter('bad'), base.Meter('good')]
        self.write(*self.read(10))
        self.path = self.directory / 'bad.rrd'

    def read(self, number):
        return [meter.read() for _ in range(number) for meter in self.meters]

    def known(self, probe):
        return sum(
            watts is not None for watts in self.series(probe=probe).watts
        )

    def aside(self):
        return [
            path.name.partition('.damaged-')[0]
            for path in self.directory.glob('*.damaged-*')
        ]

    def test_damaged_file_is_set_aside_and_begun_anew(self):
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
                self.assertEqual(5, self.known('bad'))
                self.assertEqual(['bad.rrd'], self.aside())
                self.assertIn('bad.rrd is damaged', self.log.output)
                next(self.directory.glob('*.damaged-*')).unlink()
        self.assertEqual(35, self.known('good'))
        self.assertEqual(5, self.counters.value('damaged_files'))

    def test_file_that_is_damaged_while_it_is_written_is_begun_anew(self):
        writer = self.make_writer()
        writer.put(self.read(5))
        self.now += 10
        writer.flush()
        self.path.write_bytes(b'')
        writer.put(self.read(5))
        writer.close()
        self.assertEqual((5, 20), (self.known('bad'), self.known('good')))
        self.assertEqual(['bad.rrd'], self.aside())
        self.assertNotIn('wait', self.log.output)

    def test_file_that_goes_away_is_begun_anew(self):
        writer = self.make_writer()
        self.now += 10
        writer.put(self.read(5))
        writer.flush()
        self.path.unlink()
        writer.put(self.read(5))
        writer.close()
        self.assertEqual((5, 20), (self.known('bad'), self.known('good')))

    def test_measurements_wait_for_a_file_that_can_not_be_written(self):
        self.path.unlink()
        self.path.mkdir()
        writer = self.make_writer()
        self.now += 10
        for _ in range(3):
            writer.put(self.read(2))
            writer.flush()
        self.assertEqual(16, self.known('good'))
        self.assertEqual(1, self.log.output.count('can not be written'))
        self.path.rmdir()
        writer.put(self.read(2))
        writer.flush()
        self.assertEqual(8, self.known('bad'))
        self.assertIn('All files can be written again', self.log.output)

    def test_what_waits_for_one_file_keeps_no_other_out(self):
        self.set(backlog=10)
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
        self.assertEqual((5, 30), (self.known('bad'), self.known('good')))

    def test_damaged_index_is_set_aside(self):
        (self.directory / 'index.json').write_text('{"probes"')
        self.write(*self.read(5))
        self.assertEqual(['index.json'], self.aside())
        self.assertEqual((15, 15), (self.known('bad'), self.known('good')))
        index = json.loads((self.directory / 'index.json').read_text())
        self.assertEqual({'bad', 'good'}, set(index['probes']))

    def test_directory_that_can_not_be_used_is_told(self):
        self.set(directory='/proc/energy_meter')
        error = self.assertRaises(exception.ArchiveUnusable, self.make_writer)
        self.assertIn('/proc/energy_meter', str(error))

    def test_file_of_another_layout_is_told_and_written(self):
        self.set(max_gap=90.0)
        self.write(*self.read(5))
        self.assertEqual(15, self.known('bad'))
        self.assertEqual(1, self.log.output.count('rrd migrate'))

    def test_no_value_that_rrdtool_would_misread_reaches_it(self):
        for watts in (1e300, math.inf, math.nan, -1.0):
            self.write(
                *(
                    meter.read(metered=False)._replace(watts=watts)
                    for meter in self.meters
                )
            )
        self.write(*self.read(5))
        self.assertEqual((15, 15), (self.known('bad'), self.known('good')))
        self.assertEqual(8, self.skipped('unknown'))
