# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


"""energy-meter-standalone on ports of its own."""

import os

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands


class Standalone(base.Process):
    """Everything in one process.

    :ivar port: of the pages.
    :ivar url: of the pages.
    :ivar api_port: of the API.
    """

    def __init__(self, **sections: dict[str, object]) -> None:
        """Choose the ports.

        :param sections: of the configuration.
        """
        self.port = base.free_port()
        self.api_port = base.free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self._sections = sections
        super().__init__(
            [commands.script('energy-meter-standalone')],
            ready=lambda: 'Reading wattmeter' in self.output(),
        )

    def prepare(self) -> None:
        configuration = commands.Configuration(
            self.directory, **self._sections
        )
        configuration.set('api', port=self.api_port)
        configuration.set('rrd', port=self.port)
        self.argv += [
            '--config-file',
            os.fspath(configuration.path),
            '--data-dir',
            os.fspath(self.directory / 'data'),
        ]
