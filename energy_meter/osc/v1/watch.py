# SPDX-License-Identifier: Apache-2.0

"""The command that shows probes until it is told to end."""

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
    """Show the power and energy of probes, anew until Ctrl-C ends it

    Where the output is no terminal it is shown once.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--interval',
            metavar='<seconds>',
            type=_seconds,
            default=2.0,
            help='Seconds between two readings (default: %(default)g)',
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        terminal = typing.cast(typing.Any, self.app).stdout
        if not terminal.isatty():
            return super().run(parsed_args)
        # What is wrong from the start ends the command.
        text = self._render(parsed_args)
        with (
            contextlib.suppress(KeyboardInterrupt),
            screen.borrow(terminal) as draw,
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
        """Give what the command would print."""
        app = typing.cast(typing.Any, self.app)
        terminal, app.stdout = app.stdout, io.StringIO()
        try:
            super().run(parsed_args)
            return str(app.stdout.getvalue())
        finally:
            app.stdout = terminal


def _title(interval: float) -> str:
    now = datetime.datetime.now().astimezone().isoformat(' ', 'seconds')
    return f'{now}, every {interval:g} s; Ctrl-C ends it\n\n'


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError(
            f'{text}: expected 0.1 to 86400 seconds'
        )
    return seconds
