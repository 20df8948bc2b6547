# SPDX-License-Identifier: Apache-2.0

"""Tests of reading the archive."""

from energy_meter import exception
from energy_meter.tests.unit.rrd import base


class SeriesTest(base.ArchiveTest):
    def test_figures_summarize_values(self):
        self.set(kwh_price=0.25)
        meter = base.Meter()
        self.write(*(meter.read(watts=watts) for watts in (100, 140, 90)))
        figures = self.series().figures
        self.assertEqual((90, 110, 140, 90), figures[:4])
        self.assertAlmostEqual(330 / 3.6e6, figures.kwh)
        self.assertAlmostEqual(330 / 3.6e6 * 0.25, figures.cost)

    def test_no_price_gives_no_cost(self):
        self.write(base.Meter().read())
        self.assertIsNone(self.series().figures.cost)

    def test_energy_excludes_unknown_time(self):
        meter = base.Meter()
        measurements = meter.run(10)
        meter.read(20, metered=False)
        self.write(*measurements, *meter.run(10))
        series = self.series()
        self.assertEqual(2000 / 3.6e6, series.figures.kwh)
        self.assertEqual(100, series.figures.average)
        self.assertEqual(40, series.watts.count(None))

    def test_energy_with_lost_messages_equals_register(self):
        meter = base.Meter()
        measurements = [
            meter.read(watts=50 + number * 61 % 200) for number in range(3600)
        ]
        self.write(
            *(
                received
                for number, received in enumerate(measurements)
                if number % 100 < 60 or number == 3599
            )
        )
        self.assertAlmostEqual(
            meter.joules, self.series('hour').figures.kwh * 3.6e6, -1
        )

    def test_period_without_measurements_is_unknown(self):
        self.write(base.Meter().read())
        self.now += 7200
        series = self.series('hour')
        self.assertEqual([None] * 360, series.watts)
        self.assertEqual((None,) * 6, series.figures)

    def test_period_ends_at_last_measurement(self):
        self.write(*base.Meter().run(10))
        self.now += 5
        self.assertEqual(base.EPOCH + 10, self.series().end)

    def test_period_of_stale_probe_ends_now(self):
        self.write(*base.Meter().run(10))
        self.now += 30
        self.assertEqual(base.EPOCH + 40, self.series().end)

    def test_period_excludes_incomplete_row(self):
        self.write(*base.Meter().run(100))
        self.assertEqual(base.EPOCH + 60, self.series('day').end)
        self.assertEqual(base.EPOCH, self.series('week').end)

    def test_each_period_has_its_number_of_rows(self):
        self.write(base.Meter().read())
        lengths = {
            period: len(self.series(period).watts)
            for period in ('minute', 'hour', 'day', 'week', 'month', 'year')
        }
        self.assertEqual(
            {
                'minute': 60,
                'hour': 360,
                'day': 1440,
                'week': 2016,
                'month': 1488,
                'year': 1464,
            },
            lengths,
        )

    def test_timestamps_slightly_ahead_of_clock_leave_no_hole(self):
        meter = base.Meter()
        self.write(*meter.run(4000), now=base.EPOCH + 3950)
        self.assertEqual([100.0] * 360, self.series('hour').watts)

    def test_unknown_probe_is_rejected(self):
        archive = self.archive()
        for call in (
            lambda: archive.series('day', 'x'),
            lambda: archive.file('x'),
        ):
            self.assertRaises(exception.ProbeNotFound, call)

    def test_unknown_period_is_rejected(self):
        archive = self.archive()
        for call in (
            lambda: archive.series('decade', None),
            lambda: archive.figures('decade'),
        ):
            self.write(base.Meter().read())
            error = self.assertRaises(exception.PeriodNotFound, call)
            self.assertIn('minute, hour, day', str(error))

    def test_corrupt_file_reads_as_unknown(self):
        self.write(base.Meter('bad').read(), base.Meter('good').read())
        (self.directory / 'bad.rrd').write_bytes(b'')
        archive = self.archive()
        self.assertEqual((None,) * 6, archive.series('minute', 'bad').figures)
        self.assertEqual(100, archive.series('minute', None).figures.last)
        self.assertRaises(exception.ProbeNotFound, archive.file, 'bad')
        self.assertEqual(1, self.log.output.count('Cannot read'))

    def test_file_is_returned_unchanged(self):
        self.write(base.Meter(base.HOSTILE).read())
        content = self.archive().file(base.HOSTILE)
        self.assertEqual((b'RRD\0', 208_264), (content[:4], len(content)))


class ProbesTest(base.ArchiveTest):
    def test_missing_archive_has_no_probes(self):
        self.assertEqual([], self.archive().probes())

    def test_probes_of_another_process_appear(self):
        archive = self.archive()
        for number in range(3):
            self.assertEqual(number, len(archive.probes()))
            self.write(base.Meter(str(number)).read())

    def test_probe_of_removed_file_disappears(self):
        archive = self.archive()
        self.write(base.Meter('a').read(), base.Meter('b').read())
        self.assertEqual(['a', 'b'], list(archive.figures('day')))
        (self.directory / 'a.rrd').unlink()
        self.assertEqual(['b'], list(archive.figures('day')))

    def test_figures_of_all_probes_equal_figures_of_each(self):
        meters = [base.Meter(str(number)) for number in range(3)]
        self.write(
            *(
                received
                for number, meter in enumerate(meters)
                for received in meter.run(10, watts=100.0 + number)
            )
        )
        archive = self.archive()
        for _ in range(2):
            self.assertEqual(
                {
                    str(number): archive.series('minute', str(number)).figures
                    for number in range(3)
                },
                archive.figures('minute'),
            )

    def test_new_measurements_update_figures(self):
        meter, archive = base.Meter(), self.archive()
        for watts in (100.0, 200.0):
            self.write(*meter.run(3, watts=watts))
            self.assertEqual(watts, archive.figures('minute')['node-1'].last)


class TotalTest(base.ArchiveTest):
    def total(self, **options):
        self.set(**options)
        return self.series(probe=None)

    def write_each(self, *meters):
        self.write(
            *(
                received
                for number, meter in enumerate(meters)
                for received in meter.run(10, watts=10.0**number)
            )
        )

    def test_total_counts_each_host_once(self):
        self.write_each(
            base.Meter('bmc', 'node', 'a'),
            base.Meter('cpu', 'cpu-package', 'a'),
            base.Meter('left', 'outlet', 'b'),
            base.Meter('right', 'outlet', 'b'),
            base.Meter('psu', 'psu', 'b'),
        )
        self.assertEqual(1 + 100 + 1000, self.total().figures.last)

    def test_scope_precedence_selects_scope(self):
        self.write_each(
            base.Meter('bmc', 'node', 'a'),
            base.Meter('cpu', 'cpu-package', 'a'),
        )
        self.assertEqual(
            10,
            self.total(scope_precedence=['cpu-package', 'node']).figures.last,
        )

    def test_unlisted_scope_comes_last(self):
        self.write_each(
            base.Meter('bmc', 'node', 'a'), base.Meter('dram', 'dram', 'a')
        )
        self.assertEqual(
            10, self.total(scope_precedence=['dram']).figures.last
        )

    def test_recently_stale_scope_is_still_selected(self):
        self.write_each(base.Meter('bmc', 'node', 'a'))
        self.write_each(base.Meter('outlet', 'outlet', 'a', base.EPOCH + 3600))
        self.assertEqual([None] * 60, self.total().watts)

    def test_scope_stale_for_an_hour_is_replaced(self):
        self.write_each(base.Meter('bmc', 'node', 'a'))
        self.write_each(base.Meter('outlet', 'outlet', 'a', base.EPOCH + 3601))
        self.assertEqual(1, self.total().figures.last)

    def test_total_includes_history_of_removed_host(self):
        self.write_each(base.Meter('bmc', 'node', 'a'))
        self.now += 3000
        self.assertEqual(1, self.series('hour', None).figures.last)

    def test_total_excludes_host_stale_for_whole_period(self):
        self.write_each(base.Meter('stale'))
        self.write_each(base.Meter('live', timestamp=base.EPOCH + 61))
        self.assertEqual(
            ['live'], list(self.archive().query('minute', None).entries)
        )

    def test_total_ends_where_all_probes_are_known(self):
        fast, slow = base.Meter('fast'), base.Meter('slow')
        self.write(*slow.run(5, 2.0), *fast.run(11, 1.0))
        self.assertEqual(base.EPOCH + 10, self.total().end)
        self.assertEqual([200.0] * 9, self.total().watts[-9:])

    def test_stale_probe_does_not_hold_back_total(self):
        stale, live = base.Meter('stale'), base.Meter('live')
        self.write(*stale.run(10), *live.run(40))
        self.assertEqual(base.EPOCH + 40, self.total().end)
        self.assertEqual([100.0] * 30, self.total().watts[-30:])

    def test_total_changes_with_index_within_a_second(self):
        archive = self.archive()
        self.write_each(base.Meter('a'))
        before = archive.series('minute', None)
        self.write(*base.Meter('b').run(10, watts=5.0), now=self.now + 0.5)
        self.assertEqual(1, before.figures.last)
        self.assertEqual(6, archive.series('minute', None).figures.last)

    def test_corrupt_file_leaves_other_groups_of_a_stack(self):
        self.write_each(base.Meter('bad'), base.Meter('good'))
        (self.directory / 'bad.rrd').write_bytes(b'')
        archive = self.archive()
        stack = archive.stack(
            archive.query('minute', None), [['bad'], ['good']]
        )
        self.assertEqual([None] * 60, stack.bands[0])
        self.assertEqual(stack.total.watts, stack.bands[1])
        self.assertEqual([10.0] * 10, stack.bands[1][-10:])

    def test_total_of_no_probes_is_unknown(self):
        self.assertEqual([None] * 60, self.total().watts)

    def test_energy_of_total_equals_sum_of_probes(self):
        self.write_each(*(base.Meter(str(number)) for number in range(5)))
        archive = self.archive()
        self.assertAlmostEqual(
            sum(figures.kwh for figures in archive.figures('minute').values()),
            archive.series('minute', None).figures.kwh,
        )

    def test_files_of_other_layouts_are_added_up(self):
        for name, archives in (
            ('finer', ['1s/2h']),
            ('same', ['10s/1h']),
            ('longer', ['60s/1d']),
        ):
            self.set(archives=archives)
            self.write(*base.Meter(name).run(600))
        self.set(archives=['1s/5m', '10s/1h'])
        series = self.series('hour', None)
        self.assertEqual(10, series.step)
        self.assertEqual([None] * 300 + [300.0] * 60, series.watts)
