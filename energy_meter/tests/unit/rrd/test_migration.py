# SPDX-License-Identifier: Apache-2.0


"""Rewriting files that were made with other options."""

import random

from energy_meter import exception
from energy_meter.rrd import librrd
from energy_meter.rrd import migration
from energy_meter.rrd import series
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
        chance = random.Random(1)
        meter = base.Meter()
        words = []
        for _ in range(3000):
            # With a silence now and then.
            if chance.random() < 0.05:
                meter.read(chance.randint(10, 500), metered=False)
            words.append(meter.read(20, chance.uniform(50, 300)))
        self.meter = meter
        self.write(*words)
        self.file = self.directory / 'node-1.rrd'

    def migrate(self, **options):
        self.set(**options)
        return migration.migrate(self.conf, list)

    def everything(self):
        archive = self.archive()
        return {
            period: archive.series(period, 'node-1')
            for period in series.PERIODS
        }

    def test_nothing_is_lost_or_invented(self):
        before = self.everything()
        self.assertEqual((1, {}), self.migrate(archives=LONGER, max_gap=90.0))
        self.assertEqual(before, self.everything())

    def test_file_fits_afterwards(self):
        self.migrate(archives=LONGER)
        self.assertEqual((0, {}), self.migrate())
        self.write(self.meter.read(20))
        self.assertNotIn('rrd migrate', self.log.output)

    def test_file_goes_on_afterwards(self):
        self.migrate(archives=LONGER)
        self.write(*(self.meter.read(20, 777) for _ in range(360)))
        found = self.everything()
        self.assertEqual([777.0] * 359, found['hour'].watts[1:])
        self.assertEqual([777.0] * 20, found['week'].watts[-20:])

    def test_shorter_archives_keep_what_fits(self):
        before = self.rows()
        self.migrate(archives=['1s/5m', '10s/30m', '1m/1d'])
        self.assertEqual(before, self.rows())

    def rows(self):
        """Give the rows of ten seconds of the last half hour."""
        end = int(self.now) // 10 * 10
        return librrd.fetch(
            str(self.file), librrd.AVERAGE, end - 1800, end, 10
        )

    def test_with_another_step_nothing_is_lost_or_invented(self):
        before = self.everything()
        for step, fine in ((10, []), (2, ['2s/5m']), (1, ['1s/5m'])):
            self.assertEqual(
                (1, {}), self.migrate(step=step, archives=[*fine, *LONGER[1:]])
            )
            after = self.everything()
            for period in ('hour', 'day', 'week', 'month', 'year'):
                self.assertEqual(
                    _rounded(before[period]),
                    _rounded(after[period]),
                    (step, period),
                )

    def test_with_another_step_files_go_on(self):
        self.migrate(step=10, archives=['10s/1h', *LONGER[2:]])
        before = self.everything()['hour'].watts
        self.assertEqual(before[-6:], self.everything()['minute'].watts)
        self.write(*(self.meter.read(20, 777) for _ in range(360)))
        found = self.everything()
        self.assertEqual(10, found['minute'].step)
        self.assertEqual(found['hour'].watts[-6:], found['minute'].watts)
        self.assertEqual([777.0] * 359, found['hour'].watts[1:])
        self.assertEqual([777.0] * 20, found['week'].watts[-20:])

    def test_row_that_is_not_over_is_kept_with_another_step(self):
        self.write(*(self.meter.read(20, 200) for _ in range(367)))
        self.assertNotEqual(0, self.now % 300)
        self.migrate(step=10, archives=['10s/1h', *LONGER[2:]])
        self.write(*(self.meter.read(10, 200) for _ in range(60)))
        self.assertEqual(
            [200.0] * 20,
            [
                round(watts, 6)
                for watts in self.everything()['week'].watts[-20:]
            ],
        )

    def test_row_that_is_partly_unknown_is_kept_with_another_step(self):
        # A third of a row is unknown, a third known before, a third after.
        self.meter = base.Meter('other', time=base.EPOCH + 100)
        self.write(*self.meter.run(10, 10.0, 200))
        self.migrate(step=10, archives=['10s/1h', *LONGER[2:]])
        self.write(*self.meter.run(10, 10.0, 200))
        self.assertEqual(
            200.0, round(self.archive().series('week', 'other').watts[-1])
        )

    def test_file_without_a_point_goes_on_with_another_step(self):
        self.meter = base.Meter('other', time=base.EPOCH + 15)
        self.write(self.meter.read(metered=False)._replace(watts=None))
        self.migrate(step=10, archives=['10s/1h', *LONGER[2:]])
        self.write(*self.meter.run(50, 1.0, 200))
        series = self.archive().series('hour', 'other')
        self.assertEqual([200.0] * 4, series.watts[-4:])

    def test_damaged_file_stays_and_is_told(self):
        self.file.write_bytes(b'')
        outcome = self.migrate(archives=LONGER)
        self.assertEqual(
            (0, [self.file]), (outcome.rewritten, list(outcome.failures))
        )
        self.assertEqual(b'', self.file.read_bytes())

    def test_archive_that_is_being_written_is_left_alone(self):
        self.make_writer()
        self.assertRaises(
            exception.ArchiveInUse, self.migrate, archives=LONGER
        )

    def test_every_file_is_shown(self):
        shown = []
        migration.migrate(
            self.conf,
            lambda paths: (shown.append(path) or path for path in paths),
        )
        self.assertEqual([self.file], shown)


def _rounded(series):
    """Take the digits off that a file's text has not."""
    return [
        [value if value is None else round(value, 3) for value in values]
        for values in series[2:5]
    ]
