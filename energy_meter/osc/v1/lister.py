# SPDX-License-Identifier: Apache-2.0

"""Base of the commands that show a table of energy."""

import argparse
import collections.abc
import typing

from osc_lib.command import command

from energy_meter.osc.v1 import usage_table

#: Width of the bars in characters.
BAR_WIDTH = 16


class EnergyLister(command.Lister):
    """Shows rows and, with a table, a total and notes.

    :ivar total: total by title, written below a table; None if there is none.
    :ivar notes: lines that are written below that.
    """

    total: dict[str, object] | None = None
    notes: collections.abc.Iterable[str] = ()

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--long', action='store_true', help='List additional fields'
        )
        # Keeps the lines of examples and lists.
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        return parser

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: collections.abc.Sequence[str],
        data: collections.abc.Iterable[typing.Any],
    ) -> int:
        """Write the rows and, with a table, the total and the notes."""
        if self.total is not None:
            self.formatter = usage_table.TotalFormatter(
                self.formatter, self.total
            )
        super().produce_output(parsed_args, column_names, data)
        for note in self.notes:
            self.app.stdout.write(f'{note}\n')
        return 0
