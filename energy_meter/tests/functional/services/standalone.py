# SPDX-License-Identifier: Apache-2.0


"""Fixture for energy-meter-standalone."""

import os

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands


class Standalone(base.Process):
    """All services in one process.

    :ivar port: port of the pages.
    :ivar url: URL of the pages.
    :ivar api_port: port of the API.
    :ivar data: its state directory, which all users may read.
    """

    def __init__(self, **sections: dict[str, object]) -> None:
        """Choose the ports.

        :param sections: sections of the configuration.
        """
        self.port = base.free_port()
        self.api_port = base.free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self._sections = sections
        super().__init__(
            [commands.script('energy-meter-standalone')],
            ready=lambda: 'Press Ctrl-C' in self.output(),
        )

    def prepare(self) -> None:
        configuration = commands.Configuration(
            self.directory, **self._sections
        )
        configuration.set('api', port=self.api_port)
        configuration.set('rrd', port=self.port)
        self.data = self.directory / 'data'
        self.data.mkdir(mode=0o755)
        self.argv += [
            '--config-file',
            os.fspath(configuration.path),
            '--state-path',
            os.fspath(self.data),
        ]
