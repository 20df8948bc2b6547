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

"""The command that tells versions."""

import argparse
import collections.abc
import importlib.metadata
import typing

from osc_lib.command import command


class ShowVersion(command.ShowOne):
    """Show the versions of the API and of this client"""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[
        collections.abc.Sequence[str], collections.abc.Iterable[typing.Any]
    ]:
        client = typing.cast(typing.Any, self.app).client_manager.energy
        return ('api', 'client'), (
            client.version(),
            importlib.metadata.version('energy-meter'),
        )
