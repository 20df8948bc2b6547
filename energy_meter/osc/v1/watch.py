# SPDX-License-Identifier: Apache-2.0

"""The command that shows probes continuously."""

import argparse
import contextlib
import datetime
import io
import time
import typing

from energy_meter import exception
from energy_meter.osc.v1 import probe
from energy_meter.osc.v1 import screen


class WatchProbe(probe.ListProbe):
    """Show the power and energy of probes until interrupted by Ctrl-C.

    If the output is not a terminal, they are shown once.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the parser of the command's arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--interval',
            metavar='<seconds>',
            type=_seconds,
            default=2.0,
            help='Interval in seconds between updates (default: %(default)g)',
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Show the list repeatedly.

        :returns: the exit status.
        """
        terminal = typing.cast(typing.Any, self.app).stdout
        if not terminal.isatty():
            return super().run(parsed_args)
        # Unlike later errors, an error of the first request ends the command.
        text = self._render(parsed_args)
        with (
            contextlib.suppress(KeyboardInterrupt),
            screen.alternate_screen(terminal) as draw,
        ):
            while True:
                draw(_title(parsed_args.interval) + text)
                time.sleep(parsed_args.interval)
                text = self._try_to_render(parsed_args)
        return 0

    def _try_to_render(self, parsed_args: argparse.Namespace) -> str:
        try:
            return self._render(parsed_args)
        except exception.APIUnavailable as error:
            return str(error)

    def _render(self, parsed_args: argparse.Namespace) -> str:
        """Return the output of ``probe list``."""
        app = typing.cast(typing.Any, self.app)
        terminal, app.stdout = app.stdout, io.StringIO()
        try:
            super().run(parsed_args)
            return str(app.stdout.getvalue())
        finally:
            app.stdout = terminal


def _title(interval: float) -> str:
    local_time = datetime.datetime.now().astimezone()
    return (
        f'{local_time.isoformat(" ", "seconds")}, every {interval:g} s; '
        'press Ctrl-C to stop\n\n'
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(
            f'{text}: expected 0.1 to 86400 seconds'
        )
    return seconds
