# SPDX-License-Identifier: Apache-2.0

"""Common code of the commands."""

import argparse
import collections.abc
import datetime
import os
import pwd
import re
import sys
import typing

from oslo_config import cfg
import sqlalchemy as sa

from energy_meter.db import engine as db_engine

#: Name of the command.
PROG = 'energy-meter-manage'
#: Time limit in seconds that includes every probe, however stale.
FOREVER_S = float(2**40)
#: A date in ms after all others.
END_OF_TIME_MS = 2**62
#: Names of users are cut, so that two of them fit into the audit trail.
_MAX_NAME_LENGTH = 72

_Result = typing.TypeVar('_Result')

#: Parsers to which areas are added.
Areas: typing.TypeAlias = 'argparse._SubParsersAction[argparse.ArgumentParser]'


class Area:
    """Commands of one area, such as ``probe``."""

    def __init__(self, areas: Areas, name: str, text: str) -> None:
        self._commands = areas.add_parser(
            name, help=text, description=text
        ).add_subparsers(required=True, metavar='ACTION')

    def add(
        self,
        name: str,
        run: collections.abc.Callable[[cfg.ConfigOpts], None],
        text: str,
    ) -> argparse.ArgumentParser:
        """Add a command.

        :param run: function that runs the command; the arguments are in
            ``conf.command``.
        :param text: description for ``--help``.
        :returns: parser for the arguments of the command.
        """
        parser = self._commands.add_parser(name, help=text, description=text)
        parser.set_defaults(run=run)
        return parser


def add_probe(parser: argparse.ArgumentParser) -> None:
    """Add an argument for a probe."""
    parser.add_argument('probe', help='ID of the probe')


def add_agent(parser: argparse.ArgumentParser) -> None:
    """Add an argument for an agent."""
    # oslo.config hides an argument that has the name of a section.
    parser.add_argument(
        'agent_id',
        metavar='agent',
        help='UUID of the agent, or its name if it is unique',
    )


def add_confirmation(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that :func:`carry_out` confirms."""
    options = parser.add_mutually_exclusive_group()
    options.add_argument(
        '--yes', action='store_true', help='do not ask for confirmation'
    )
    options.add_argument(
        '--dry-run',
        action='store_true',
        help='show what would change, and change nothing',
    )


def carry_out(
    conf: cfg.ConfigOpts,
    change: collections.abc.Callable[[bool], _Result],
    question: collections.abc.Callable[[_Result], str],
) -> _Result:
    """Make a change once the operator has confirmed it.

    Unless ``--yes`` was given, the result of the change is computed first, so
    that the question states it. This is all with ``--dry-run``. Exits with an
    error message if the change is not confirmed, or if there is no terminal to
    ask on.

    :param change: makes the change, or only computes its result if its
        argument is True.
    :param question: returns what to ask, from the result of the change.
    :returns: the result of the change.
    """
    if conf.command.yes:
        return change(False)
    expected = change(True)
    if conf.command.dry_run:
        print('Dry run, nothing was changed. Without --dry-run:')
        return expected
    _confirm(question(expected))
    return change(False)


def change_database(
    conf: cfg.ConfigOpts,
    change: collections.abc.Callable[[sa.Engine], _Result],
    question: collections.abc.Callable[[_Result], str],
) -> _Result:
    """Make a change in the database as :func:`carry_out` does.

    :param change: makes the change in transactions of
        :func:`energy_meter.db.engine.writing`, which a dry run undoes.
    """
    engine = db_engine.connect(conf)
    return carry_out(
        conf,
        lambda is_dry: change(db_engine.dry_run(engine) if is_dry else engine),
        question,
    )


def _confirm(question: str) -> None:
    # Standard input is None if it was closed.
    if not (sys.stdin and sys.stdin.isatty()):
        sys.exit(
            f'{PROG}: cannot ask for confirmation (standard input is not a '
            'terminal); nothing was changed. Add --yes to confirm'
        )
    # Standard output may be redirected.
    print(f'{question} [y/N] ', end='', file=sys.stderr, flush=True)
    try:
        answer = sys.stdin.readline().strip().lower()
    except KeyboardInterrupt:
        answer = ''
    if answer not in ('y', 'yes'):
        sys.exit(f'{PROG}: not confirmed; nothing was changed')


def operator() -> str:
    """Return the name and the uid of the operator, for the audit trail.

    The name belongs to the real uid in the user database. Variables such as
    ``LOGNAME`` are ignored, because the operator can set them. ``SUDO_UID``
    is only added: without sudo the operator can set it as well, but cannot
    hide the real uid.
    """
    real, invoking = os.getuid(), os.environ.get('SUDO_UID', '')
    if re.fullmatch('[0-9]{1,10}', invoking) and int(invoking) != real:
        return f'{_user(real)}, sudo by {_user(int(invoking))}'
    return _user(real)


def _user(uid: int) -> str:
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = '-'
    return f'{name[:_MAX_NAME_LENGTH]} ({uid})'


def utc(timestamp: float | None) -> str | None:
    """Format a time, in seconds since the epoch, in UTC."""
    if timestamp is None:
        return None
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC).strftime(
        '%Y-%m-%dT%H:%M:%SZ'
    )


def date(text: str) -> int:
    """Return a date in ms since the epoch.

    :param text: date and time in ISO 8601; in UTC unless it has an offset.
    :raises ValueError: if it is invalid.
    """
    parsed = datetime.datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=datetime.UTC)
    return round(parsed.timestamp() * 1000)
