# SPDX-License-Identifier: Apache-2.0

"""The API without Keystone, in each of the supported HTTP servers."""

import os
import pathlib
import sys
import unittest

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands


class Cheroot(commands.Command):
    """The server of energy-meter-api."""

    def __init__(self, configuration: commands.Configuration) -> None:
        self.port = base.free_port()
        configuration.set('api', port=self.port)
        super().__init__(configuration, 'energy-meter-api', 'Serving the API')


class UWSGI(base.Process):
    """uWSGI with two processes."""

    def __init__(
        self,
        configuration: commands.Configuration,
        module: str = 'energy_meter.wsgi.api',
    ) -> None:
        """Choose the port.

        :param module: module with the application.
        :raises unittest.SkipTest: if uWSGI is not installed for this Python.
        """
        program = pathlib.Path(sys.executable).with_name('uwsgi')
        if not program.exists():
            raise unittest.SkipTest(
                f'{program} is missing (test-requirements.txt has it)'
            )
        self.port = base.free_port()
        super().__init__(
            [
                program,
                '--http',
                f'127.0.0.1:{self.port}',
                '--socket',
                os.fspath(configuration.directory / 'uwsgi.socket'),
                '--module',
                f'{module}:application',
                '--need-app',
                '--virtualenv',
                sys.prefix,
                '--enable-threads',
                '--threads',
                '2',
                '--processes',
                '2',
                '--master',
                '--die-on-term',
            ],
            ready=lambda: base.listening(self.port),
            env={
                'OS_ENERGY_METER_CONFIG_FILES': os.fspath(configuration.path)
            },
        )
