# SPDX-License-Identifier: Apache-2.0

"""Tests for the systemd units with systemd-analyze."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import stack

SHIPPED = stack.CHECKOUT / 'etc/systemd'
INSTALLATION = '/opt/energy_meter'

#: Maximum exposure level of `systemd-analyze security`, in tenths: 0 is fully
#: sandboxed, 100 is a service of root without restrictions.
MAX_EXPOSURE = 18


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

    def analyze(self, *arguments):
        """Return the output and exit status of systemd-analyze."""
        units = sorted(self.directory.glob('*.service'))
        if arguments[0] == 'verify':
            units += self.directory.glob('*.timer')
        done = subprocess.run(
            [base.program('systemd-analyze'), *arguments, *units],
            timeout=60,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # The trailing colon adds systemd's default directories.
            env={**os.environ, 'SYSTEMD_UNIT_PATH': f'{self.directory}:'},
        )
        return done.stdout, done.returncode

    def install_drop_in(self):
        """Install the agent's drop-ins for serial ports and GPUs."""
        drop_ins = self.directory / 'energy-meter-agent.service.d'
        for name in ('serial.conf', 'nvidia.conf'):
            shutil.copy(
                self.directory / f'energy-meter-agent-{name}', drop_ins / name
            )

    def test_units_have_no_warnings(self):
        self.install_drop_in()

        output, status = self.analyze('verify', '--man=no')

        self.assertNotIn(str(self.directory), output)
        self.assertNotIn('energy-meter', output)
        self.assertEqual(0, status, output)

    def test_services_are_sandboxed(self):
        output, status = self.analyze(
            'security', '--offline=true', f'--threshold={MAX_EXPOSURE}'
        )

        self.assertEqual(0, status, output)
        for unit in self.directory.glob('*.service'):
            self.assertIn(f'exposure level for {unit.name}', output)

    def test_services_cannot_exhaust_the_machine(self):
        # systemd reads all drop-ins of a unit in the order of their names.
        for unit in self.directory.glob('*.service'):
            drop_ins = [
                file
                for name in ('energy-meter-', unit.stem)
                for file in self.directory.glob(f'{name}.service.d/*.conf')
            ]
            text = '\n'.join(
                file.read_text()
                for file in sorted(drop_ins, key=lambda file: file.name)
            )
            limits = dict(re.findall(r'(?m)^(\w+)=(.*)$', text))

            is_agent = unit.stem == 'energy-meter-agent'
            self.assertEqual(
                ('65536', '16384', '25%')
                if is_agent
                else ('8192', '512', '25%'),
                tuple(
                    limits[name]
                    for name in ('LimitNOFILE', 'TasksMax', 'MemoryMax')
                ),
            )

    def test_agent_may_ask_for_the_state_of_the_clock(self):
        # Otherwise no clock would be synchronized.
        for other in self.directory.glob('*.service'):
            if other.name != 'energy-meter-agent.service':
                other.unlink()

        output, _ = self.analyze('security', '--offline=true', '--no-pager')

        self.assertIn('adjtimex is allowed', output)
        self.assertRegex(output, 'ProtectClock=.*may write')
        self.assertRegex(
            output, 'CAP_SYS_TIME +Service processes cannot change'
        )
