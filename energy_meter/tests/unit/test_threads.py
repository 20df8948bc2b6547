# SPDX-License-Identifier: Apache-2.0


"""No service of ours ever loads eventlet, not even where it is installed."""

import importlib.util
import os
import pkgutil
import subprocess
import sys

import fixtures
from oslotest import base

from energy_meter import cmd
from energy_meter import wsgi

#: Ends with an error if the module that it is told loads eventlet.
SCRIPT = """
import importlib, sys
importlib.import_module(sys.argv[1])
sys.exit('eventlet is loaded' if 'eventlet' in sys.modules else 0)
"""


def modules() -> list[str]:
    """Give the modules that processes are started with."""
    return [
        f'{package.__name__}.{found.name}'
        for package in (cmd, wsgi)
        for found in pkgutil.iter_modules(package.__path__)
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
        """Load a module in a process of its own; give what it complains."""
        process = subprocess.run(
            [sys.executable, '-c', SCRIPT, module],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {'OS_ENERGY_METER_CONFIG_FILES': self.file},
        )
        return process.stderr if process.returncode else ''

    def test_no_process_loads_eventlet(self):
        found = modules()
        self.assertIn('energy_meter.cmd.agent', found)
        self.assertIn('energy_meter.wsgi.api', found)
        if importlib.util.find_spec('rrdtool') is None:
            found.remove('energy_meter.wsgi.rrd')
        for module in found:
            self.assertEqual('', self.load(module), module)
