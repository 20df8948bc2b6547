# SPDX-License-Identifier: Apache-2.0

"""Bounds of new files."""

from unittest import mock

import fixtures

from energy_meter.rrd.writing import space
from energy_meter.tests.unit.rrd import base


class SpaceTest(base.ArchiveTest):
    def meters(self, count, agent='agent'):
        meters = [base.Meter(f'{agent}-{number}') for number in range(count)]
        for meter in meters:
            meter.probe = meter.probe._replace(agent=agent)
        return meters

    def limit(self, **options):
        for name, value in options.items():
            self.conf.set_override(name, value, 'collector')

    def flush(self, writer, *meters):
        writer.put([meter.read() for meter in meters])
        self.now = base.EPOCH + 60
        writer.flush()

    def files(self, pattern='*'):
        return len(list(self.directory.glob(f'{pattern}.rrd')))


class QuotaTest(SpaceTest):
    def test_files_beyond_the_quota_are_not_created(self):
        self.limit(max_agent_probes=3)
        writer = self.make_writer()

        self.flush(writer, *self.meters(5), *self.meters(2, 'other'))

        self.assertEqual(3, self.files('agent-*'))
        self.assertEqual(2, self.files('other-*'))
        self.assertEqual(2, self.skipped('quota'))
        self.assertEqual(1, self.log.output.count('Created no file'))
        self.assertFalse(writer.is_full)

    def test_quota_counts_files_of_before_the_start(self):
        self.limit(max_agent_probes=3)
        first, second = self.meters(3), self.meters(5)[3:]
        self.write(*[meter.read() for meter in first])

        self.write(*[meter.read(2) for meter in (*first, *second)])

        self.assertEqual(3, self.files())
        self.assertEqual(6, self.counters.value('rrd_points_written'))


class TurnsTest(SpaceTest):
    def test_agents_take_turns(self):
        self.useFixture(fixtures.MockPatchObject(space, 'MAX_NEW_FILES', 4))
        writer = self.make_writer()

        self.flush(writer, *self.meters(20), *self.meters(2, 'other'))

        self.assertEqual(4, self.files())
        self.assertEqual(2, self.files('other-*'))

    def test_files_are_created_by_the_next_flushes_without_loss(self):
        self.useFixture(fixtures.MockPatchObject(space, 'MAX_NEW_FILES', 4))
        writer = self.make_writer()
        meters = self.meters(10)

        for _ in range(3):
            self.flush(writer, *meters)

        self.assertEqual(10, self.files())
        self.assertEqual(30, self.counters.value('rrd_points_written'))


class FreeSpaceTest(SpaceTest):
    def test_without_free_space_only_existing_files_are_written(self):
        writer = self.make_writer()
        old, new = self.meters(2)
        self.flush(writer, old)
        self.useFixture(
            fixtures.MockPatch(
                'shutil.disk_usage',
                lambda path: mock.Mock(free=(256 << 20) - 1),
            )
        )

        for _ in range(2):
            self.flush(writer, old, new)

        self.assertEqual(1, self.files())
        self.assertEqual(3, self.counters.value('rrd_points_written'))
        self.assertEqual(
            1, self.log.output.count('less than [rrd] min_free_mb free')
        )
