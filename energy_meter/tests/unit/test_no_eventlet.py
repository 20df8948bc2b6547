# SPDX-License-Identifier: Apache-2.0

"""No process of this package loads eventlet, even where it is installed."""

import importlib.util
import os
import pkgutil
import subprocess
import sys

import fixtures
from oslotest import base

from energy_meter import cmd
from energy_meter import wsgi

#: Imports a module, and fails if that loads eventlet.
SCRIPT = """
import importlib, sys
importlib.import_module(sys.argv[1])
sys.exit('eventlet is loaded' if 'eventlet' in sys.modules else 0)
"""


def modules() -> list[str]:
    """Return the entry modules of all processes."""
    return [
        f'{package.__name__}.{module.name}'
        for package in (cmd, wsgi)
        for module in pkgutil.iter_modules(package.__path__)
    ]


class NoEventletTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        directory = self.useFixture(fixtures.TempDir()).path
        [self.file] = self.create_tempfiles(
            [
                (
                    'energy_meter',
                    (
                        f'[DEFAULT]\nstate_path = {directory}\n'
                        '[database]\nconnection = sqlite://\n'
                        '[api]\nauth_strategy = noauth\n'
                    ),
                )
            ]
        )

    def load(self, module: str) -> str:
        """Import a module in a new process, and return its error output."""
        process = subprocess.run(
            [sys.executable, '-c', SCRIPT, module],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {'OS_ENERGY_METER_CONFIG_FILES': self.file},
        )
        return process.stderr if process.returncode else ''

    def test_no_process_loads_eventlet(self):
        names = modules()
        self.assertIn('energy_meter.cmd.agent', names)
        self.assertIn('energy_meter.wsgi.api', names)
        if importlib.util.find_spec('rrdtool') is None:
            names.remove('energy_meter.wsgi.rrd')
        for name in names:
            self.assertEqual('', self.load(name), name)
