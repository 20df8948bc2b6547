# SPDX-License-Identifier: Apache-2.0

"""SIGHUP while a service starts."""

import pathlib
import signal

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands

#: Logged at start and on each reload.
MISTAKE = '[api] prot: '


def catches_hangup(process: base.Process) -> bool:
    """Check whether a process has a handler for SIGHUP."""
    status = pathlib.Path(f'/proc/{process.pid}/status').read_text()
    [caught] = (
        line.split()[1]
        for line in status.splitlines()
        if line.startswith('SigCgt:')
    )
    return bool(int(caught, 16) >> signal.SIGHUP - 1 & 1)


class Starting(base.Process):
    """A service that is ready once it can be sent SIGHUP."""

    def __init__(self, configuration: commands.Configuration, name: str):
        super().__init__(
            [commands.script(name), '--config-file', configuration.path],
            ready=lambda: catches_hangup(self),
            # Else a standalone process would write into the user's home.
            env={'XDG_DATA_HOME': str(configuration.directory)},
        )


class HangupTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self.configuration = commands.Configuration(
            directory,
            DEFAULT={'transport_url': 'fake://'},
            api={'port': base.free_port(), 'prot': 1},
            database={'connection': f'sqlite:///{directory}/test.sqlite'},
            forwarder={'sources': 'fake://another/'},
            rrd={
                'auth_strategy': 'noauth',
                'directory': f'{directory}/rrd',
                'port': base.free_port(),
            },
        )
        self.configuration.add_dummy('desk', 'desk-1')
        self.configuration.run('energy-meter-manage', 'db', 'sync')

    def assert_reloads(self, name: str) -> None:
        """Send SIGHUP to a service that starts, and await the reload."""
        service = self.useFixture(Starting(self.configuration, name))

        service.signal(signal.SIGHUP)

        base.wait_for(
            lambda: (
                service.returncode is not None
                or service.output().count(MISTAKE) == 2
            ),
            60,
            f'{name} reloads',
        )
        self.assertIsNone(service.returncode, service.output())

    def test_agent_reloads_once_it_has_started(self):
        self.assert_reloads('energy-meter-agent')

    def test_api_reloads_once_it_has_started(self):
        self.assert_reloads('energy-meter-api')

    def test_collector_reloads_once_it_has_started(self):
        self.assert_reloads('energy-meter-collector')

    def test_forwarder_reloads_once_it_has_started(self):
        self.assert_reloads('energy-meter-forwarder')

    def test_rrd_reloads_once_it_has_started(self):
        self.assert_reloads('energy-meter-rrd')

    def test_standalone_reloads_once_it_has_started(self):
        self.assert_reloads('energy-meter-standalone')
