# SPDX-License-Identifier: Apache-2.0

"""``--check``: mistakes in the configuration, without starting the service."""

import collections.abc
import functools
import sys

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from energy_meter import attempt
from energy_meter import exception
from energy_meter.conf import files
from energy_meter.conf import unread
from energy_meter.conf import weak_secrets

OPTS = [
    cfg.BoolOpt(
        'check',
        default=False,
        help='Check the configuration, print its errors and exit. The exit '
        'status is 1 if there are any. Nothing is started.',
    ),
    cfg.BoolOpt(
        'connect',
        default=False,
        help='With --check, also connect to the broker, the database and '
        'Keystone, as far as this service uses them.',
    ),
]

#: Checks of connections by title.
Connections = collections.abc.Mapping[
    str, collections.abc.Callable[[cfg.ConfigOpts], upgradecheck.Result]
]


class Check:
    """A check of the configuration of one service.

    :ivar errors: mistakes with which something is not metered, not read or
        not started.
    :ivar warnings: other mistakes.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self.errors: list[exception.EnergyMeterError] = [*unread.find(conf)]
        self.warnings: list[exception.EnergyMeterError] = [
            *weak_secrets.find(conf)
        ]

    def attempt(
        self, *steps: collections.abc.Callable[[cfg.ConfigOpts], object]
    ) -> None:
        """Prepare parts of the service and keep their errors."""
        for step in steps:
            _, error = attempt.call(
                functools.partial(step, self._conf), exception.EnergyMeterError
            )
            if error is not None:
                self.errors.append(error)

    def finish(self, connections: Connections, summary: str = '') -> int:
        """Print the result, and connect if the command line requests it.

        :param connections: checks to run with ``--connect``.
        :param summary: what the service can do with this configuration.
        :returns: the exit status.
        """
        warnings, errors = map(self._lines, (self.warnings, self.errors))
        for warning in warnings:
            print(f'warning: {warning}', file=sys.stderr)
        for error in errors:
            print(error, file=sys.stderr)
        print(
            ('Not valid: ' if errors else 'Valid: ')
            + (f'{summary}, ' if summary else '')
            + f'{count(len(errors), "error")}, '
            + count(len(warnings), 'warning')
        )
        connected = not self._conf.connect or self._connect(connections)
        return 1 if errors or not connected else 0

    def _lines(
        self, errors: collections.abc.Iterable[exception.EnergyMeterError]
    ) -> list[str]:
        """Return the texts of errors; two parts may have the same error."""
        paths = files.paths(self._conf)
        return list(
            dict.fromkeys(str(files.locate(error, paths)) for error in errors)
        )

    def _connect(self, connections: Connections) -> bool:
        """Print a line for each connection; return whether all succeeded."""
        # A database or broker that is away must not hide the others.
        results = {
            title: connection(self._conf)
            for title, connection in connections.items()
        }
        for title, result in results.items():
            print(f'{title}: {result.details or "Connected."}')
        return all(
            result.code is not upgradecheck.Code.FAILURE
            for result in results.values()
        )


def count(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural."""
    return f'{number} {noun}{"" if number == 1 else "s"}'
