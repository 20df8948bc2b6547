# SPDX-License-Identifier: Apache-2.0

"""systemd understands our units, and finds that they are confined."""

import os
import pathlib
import shutil
import subprocess
import sys

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import stack

SHIPPED = stack.CHECKOUT / 'etc/systemd'
INSTALLATION = '/opt/energy_meter'

#: The exposure that `systemd-analyze security` may find, in tenths: 0 is
#: none, 100 a service of root's without any limit.
EXPOSURE = 16


class UnitsTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        base.require('systemd-analyze')
        self.directory = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path, 'units'
        )
        shutil.copytree(SHIPPED, self.directory)
        for unit in self.directory.glob('*.service'):
            unit.write_text(unit.read_text().replace(INSTALLATION, sys.prefix))

    def analyze(self, *words):
        """Give what systemd-analyze says of our units, and its status."""
        units = sorted(self.directory.glob('*.service'))
        done = subprocess.run(
            [base.program('systemd-analyze'), *words, *units],
            timeout=60,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # An empty part stands for systemd's own directories.
            env={**os.environ, 'SYSTEMD_UNIT_PATH': f'{self.directory}:'},
        )
        return done.stdout, done.returncode

    def install_drop_in(self):
        """Install the agent's drop-in for serial lines, as it says."""
        place = self.directory / 'energy-meter-agent.service.d'
        place.mkdir()
        shutil.copy(
            self.directory / 'energy-meter-agent-serial.conf',
            place / 'serial.conf',
        )

    def test_systemd_has_no_complaints(self):
        self.install_drop_in()

        said, status = self.analyze('verify', '--man=no')

        self.assertNotIn(str(self.directory), said)
        self.assertNotIn('energy-meter', said)
        self.assertEqual(0, status, said)

    def test_services_are_confined(self):
        said, status = self.analyze(
            'security', '--offline=true', f'--threshold={EXPOSURE}'
        )

        self.assertEqual(0, status, said)
        for unit in self.directory.glob('*.service'):
            self.assertIn(f'exposure level for {unit.name}', said)
