# SPDX-License-Identifier: Apache-2.0

"""Stand-in for DevStack that runs the plugin and logs its actions."""

import os
import pathlib
import shlex
import subprocess
import sys

import fixtures
import yaml

import energy_meter

HERE = pathlib.Path(__file__).parent
CHECKOUT = pathlib.Path(energy_meter.__file__).parents[1]

#: All phases of stack.sh.
STACK = ('pre-install', 'install', 'post-config', 'extra', 'test-config')

#: Commands that only write a line to the log.
COMMANDS = (
    'energy-meter-agent',
    'energy-meter-manage',
    'mysql',
    'psql',
    'rabbitmqctl',
    'uwsgi',
)

_COMMAND = """\
#!/bin/bash
line="${0##*/} $*"
echo "${line//$ROOT/}" >> "$LOG"
"""

#: Python that runs the tests; DevStack's has the same packages.
_PYTHON = _COMMAND + f'exec {sys.executable} "$@"\n'

#: Files that Ceilometer's plugin has written before this plugin runs.
_CEILOMETER = {
    'polling.yaml': """\
sources:
    - name: all_pollsters
      interval: 300
      meters:
        - "*"
""",
    'pipeline.yaml': """\
sources:
    - name: meter_source
      meters:
          - "*"
      sinks:
          - meter_sink
sinks:
    - name: meter_sink
      publishers:
          - gnocchi://
""",
}


class DevStack(fixtures.Fixture):
    """A machine in a temporary directory on which DevStack runs.

    :ivar root: the directory.

    :param services: comma-separated services that local.conf enables.
    :param settings: variables of local.conf and DevStack; ``BIN_DIR`` has
        the commands of energy_meter are, by default those of the log.
    """

    def __init__(
        self, services: str = 'key,mysql,rabbit', **settings: str
    ) -> None:
        super().__init__()
        self._services = services
        self._settings = settings

    def _setUp(self) -> None:
        self.root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        #: Where the plugin writes the configuration of energy_meter.
        self.configuration_path = (
            self.root / 'etc/energy_meter/energy_meter.conf'
        )
        self._log = self.root / 'log'
        self._log.touch()
        commands = self._make('opt/stack/data/venv/bin')
        for name in (*COMMANDS, 'python3'):
            path = commands / name
            path.write_text(_PYTHON if name == 'python3' else _COMMAND)
            path.chmod(0o755)
        (self.root / 'opt/stack/energy_meter').symlink_to(CHECKOUT)
        self._make('etc/apache2/sites-available')
        self._make('etc/systemd')
        if 'ceilometer-' in self._services:
            directory = self._make('etc/ceilometer')
            for name, text in _CEILOMETER.items():
                (directory / name).write_text(text)

    def _make(self, name: str) -> pathlib.Path:
        path = self.root / name
        path.mkdir(parents=True)
        return path

    def run(self, mode: str, *phases: str) -> str:
        """Run the plugin as stack.sh, unstack.sh or clean.sh does.

        :returns: its output.
        :raises AssertionError: if it fails; the text is its output.
        """
        done = subprocess.run(
            ['bash', HERE / 'stand_in.sh', mode, *phases],
            env={
                'PATH': os.environ['PATH'],
                'LOG': str(self._log),
                'ROOT': str(self.root),
                'ENABLED_SERVICES': self._services,
                **self._settings,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        if done.returncode:
            raise AssertionError(done.stdout)
        return done.stdout

    def stack(self) -> str:
        """Run all phases of stack.sh.

        :returns: its output.
        :raises AssertionError: if it fails; the text is its output.
        """
        return self.run('stack', *STACK)

    @property
    def log(self) -> str:
        """Return the actions so far, one for each line."""
        return self._log.read_text()

    def read(self, name: str) -> str:
        """Read a file below the root."""
        return (self.root / name).read_text()

    def configuration(self) -> str:
        """Read the configuration of energy_meter."""
        return self.configuration_path.read_text()

    def command(self, service: str) -> list[str]:
        """Return the command of a running service."""
        return shlex.split(self.read(f'etc/systemd/{service}'))

    def contents(self) -> dict[str, object]:
        """Read all files but the log, by name; directories are None.

        YAML is read, as its comments and line breaks do not matter.
        """
        found = {
            str(path.relative_to(self.root)): path
            for path in self.root.rglob('*')
            if path != self._log
        }
        return {name: self._content(path) for name, path in found.items()}

    def _content(self, path: pathlib.Path) -> object:
        if path.is_dir():
            return None
        text = path.read_text()
        return yaml.safe_load(text) if path.suffix == '.yaml' else text
