# SPDX-License-Identifier: Apache-2.0

"""Check of the RRD archive."""

from unittest import mock

import fixtures
from oslo_upgradecheck import upgradecheck
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter.status import archive


class ArchiveTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.conf = energy_meter_conf.load([], 'test', files=[])
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.conf.set_override('directory', self.directory, 'rrd')

    def free(self, size: int) -> None:
        self.useFixture(
            fixtures.MockPatch(
                'shutil.disk_usage', lambda _: mock.Mock(free=size)
            )
        )

    def test_little_free_space_is_a_warning(self):
        self.free((256 << 20) - 1)

        result = archive.check(self.conf)

        self.assertEqual(upgradecheck.Code.WARNING, result.code)
        self.assertIn('[rrd] min_free_mb = 256', result.details)

    def test_enough_free_space_is_a_success(self):
        self.free(256 << 20)

        self.assertEqual(
            upgradecheck.Code.SUCCESS, archive.check(self.conf).code
        )

    def test_missing_archive_is_skipped(self):
        self.conf.set_override('directory', f'{self.directory}/rrd', 'rrd')

        self.assertIn('Skipped', archive.check(self.conf).details)
