# SPDX-License-Identifier: Apache-2.0

"""Check of the marks that an agent on this machine buffers."""

import os
import pathlib

import fixtures
from oslo_config import cfg
from oslo_upgradecheck import upgradecheck
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter.conf import agent as agent_conf
from energy_meter.status import marks

Code = upgradecheck.Code


class MarksTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(self.conf)
        self.conf([], default_config_files=[])
        self.state = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.conf.set_override('state_path', str(self.state))

    def buffer(self, share: float) -> None:
        """Fill a share of the buffer; the file occupies no space."""
        path = self.state / 'marks' / '00000001'
        path.parent.mkdir()
        path.touch()
        os.truncate(path, int(share * agent_conf.MARK_BUFFER_BYTES))

    def test_machine_without_agent_is_skipped(self):
        result = marks.check(self.conf)

        self.assertEqual(Code.SUCCESS, result.code)
        self.assertIn('Skipped', result.details)

    def test_marks_far_from_their_bound_are_no_problem(self):
        self.buffer(0.7)

        self.assertEqual(Code.SUCCESS, marks.check(self.conf).code)

    def test_marks_near_their_bound_are_reported_with_their_directory(self):
        self.buffer(0.9)

        result = marks.check(self.conf)

        self.assertEqual(Code.WARNING, result.code)
        self.assertIn(f'{self.state}/marks has 460 of', result.details)
