# SPDX-License-Identifier: Apache-2.0

"""The command that shows versions."""

import argparse
import collections.abc
import importlib.metadata
import typing

from osc_lib.command import command


class ShowVersion(command.ShowOne):
    """Show the versions of the API and of this client."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[
        collections.abc.Sequence[str], collections.abc.Iterable[typing.Any]
    ]:
        """Return the names and the values of the fields."""
        client = typing.cast(typing.Any, self.app).client_manager.energy
        return ('api', 'client'), (
            client.version(),
            importlib.metadata.version('energy-meter'),
        )
