# SPDX-License-Identifier: Apache-2.0

"""Tests of the migration to another layout."""

import random

from energy_meter import exception
from energy_meter.rrd.files import librrd
from energy_meter.rrd.reading import periods
from energy_meter.rrd.writing import migration
from energy_meter.tests.unit.rrd import base

LONGER = [
    '1s/10m',
    '10s/2h',
    '1m/2d',
    '5m/14d',
    '15m/20d',
    '30m/62d',
    '6h/732d',
    '1d/1830d',
]


class MigrationTest(base.ArchiveTest):
    def setUp(self):
        super().setUp()
        generator = random.Random(1)
        meter = base.Meter()
        measurements = []
        for _ in range(3000):
            # With occasional unmetered gaps.
            if generator.random() < 0.05:
                meter.read(generator.randint(10, 500), metered=False)
            measurements.append(meter.read(20, generator.uniform(50, 300)))
        self.meter = meter
        self.write(*measurements)
        self.file = self.directory / 'node-1.rrd'

    def migrate(self, **options):
        self.set(**options)
        return migration.migrate(self.conf, list)

    def all_series(self):
        archive = self.archive()
        return {
            period: archive.series(period, 'node-1')
            for period in periods.NAMED
        }

    def test_data_is_unchanged(self):
        before = self.all_series()
        self.assertEqual((1, {}), self.migrate(archives=LONGER, max_gap=90.0))
        self.assertEqual(before, self.all_series())

    def test_dry_run_counts_files_and_changes_none(self):
        before = self.file.read_bytes()
        self.set(archives=LONGER)

        result = migration.migrate(self.conf, list, dry_run=True)

        self.assertEqual((1, {}), result)
        self.assertEqual(before, self.file.read_bytes())

    def test_migrated_file_fits_layout(self):
        self.migrate(archives=LONGER)
        self.assertEqual((0, {}), self.migrate())
        self.write(self.meter.read(20))
        self.assertNotIn('rrd migrate', self.log.output)

    def test_migrated_file_accepts_new_points(self):
        self.migrate(archives=LONGER)
        self.write(*(self.meter.read(20, 777) for _ in range(360)))
        series_by_period = self.all_series()
        self.assertEqual([777.0] * 359, series_by_period['hour'].watts[1:])
        self.assertEqual([777.0] * 20, series_by_period['week'].watts[-20:])

    def test_shorter_archives_keep_newest_rows(self):
        before = self.rows()
        self.migrate(archives=['1s/5m', '10s/30m', '1m/1d'])
        self.assertEqual(before, self.rows())

    def rows(self):
        """Return the ten-second rows of the last half hour."""
        end = int(self.now) // 10 * 10
        return librrd.fetch(
            str(self.file), librrd.AVERAGE, end - 1800, end, 10
        )

    def test_data_is_unchanged_with_another_step(self):
        before = self.all_series()
        for step, finest in ((10, []), (2, ['2s/5m']), (1, ['1s/5m'])):
            self.assertEqual(
                (1, {}),
                self.migrate(step=step, archives=[*finest, *LONGER[1:]]),
            )
            after = self.all_series()
            for period in ('hour', 'day', 'week', 'month', 'year'):
                self.assertEqual(
                    _rounded(before[period]),
                    _rounded(after[period]),
                    (step, period),
                )

    def test_file_accepts_new_points_with_another_step(self):
        self.migrate(step=10, archives=['10s/1h', *LONGER[2:]])
        before = self.all_series()['hour'].watts
        self.assertEqual(before[-6:], self.all_series()['minute'].watts)
        self.write(*(self.meter.read(20, 777) for _ in range(360)))
        series_by_period = self.all_series()
        self.assertEqual(10, series_by_period['minute'].step)
        self.assertEqual(
            series_by_period['hour'].watts[-6:],
            series_by_period['minute'].watts,
        )
        self.assertEqual([777.0] * 359, series_by_period['hour'].watts[1:])
        self.assertEqual([777.0] * 20, series_by_period['week'].watts[-20:])

    def test_incomplete_row_is_kept_with_another_step(self):
        self.write(*(self.meter.read(20, 200) for _ in range(367)))
        self.assertNotEqual(0, self.now % 300)
        self.migrate(step=10, archives=['10s/1h', *LONGER[2:]])
        self.write(*(self.meter.read(10, 200) for _ in range(60)))
        self.assertEqual(
            [200.0] * 20,
            [
                round(watts, 6)
                for watts in self.all_series()['week'].watts[-20:]
            ],
        )

    def test_partly_unknown_row_is_kept_with_another_step(self):
        # The first third of a row is unknown; the second is written before
        # the migration, the last one after it.
        self.meter = base.Meter('other', timestamp=base.EPOCH + 100)
        self.write(*self.meter.run(10, 10.0, 200))
        self.migrate(step=10, archives=['10s/1h', *LONGER[2:]])
        self.write(*self.meter.run(10, 10.0, 200))
        self.assertEqual(
            200.0, round(self.archive().series('week', 'other').watts[-1])
        )

    def test_empty_file_accepts_points_with_another_step(self):
        self.meter = base.Meter('other', timestamp=base.EPOCH + 15)
        self.write(self.meter.read(metered=False)._replace(watts=None))
        self.migrate(step=10, archives=['10s/1h', *LONGER[2:]])
        self.write(*self.meter.run(50, 1.0, 200))
        series = self.archive().series('hour', 'other')
        self.assertEqual([200.0] * 4, series.watts[-4:])

    def test_corrupt_file_is_reported_and_left_unchanged(self):
        self.file.write_bytes(b'')
        result = self.migrate(archives=LONGER)
        self.assertEqual(
            (0, [self.file]), (result.rewritten, list(result.failures))
        )
        self.assertEqual(b'', self.file.read_bytes())

    def test_archive_in_use_is_rejected(self):
        self.make_writer()
        self.assertRaises(
            exception.ArchiveInUse, self.migrate, archives=LONGER
        )

    def test_progress_includes_every_file(self):
        seen = []
        migration.migrate(
            self.conf,
            lambda paths: (seen.append(path) or path for path in paths),
        )
        self.assertEqual([self.file], seen)


def _rounded(series):
    """Round values to the precision of the XML export."""
    return [
        [value if value is None else round(value, 3) for value in values]
        for values in series[2:5]
    ]
