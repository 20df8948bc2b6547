# SPDX-License-Identifier: Apache-2.0

"""Health of an installation, as monitoring systems expect it.

Exit status and first line are those of a plugin for Nagios, which others such
as Icinga, Zabbix and Sensu run as well.
"""

import collections.abc
import enum
import json

from oslo_upgradecheck import upgradecheck


class State(enum.IntEnum):
    """State of an installation, or of a part of it; the exit status."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_STATES = {
    upgradecheck.Code.SUCCESS: State.OK,
    upgradecheck.Code.WARNING: State.WARNING,
    upgradecheck.Code.FAILURE: State.CRITICAL,
}

#: By the title of the check.
Results = collections.abc.Mapping[str, upgradecheck.Result]


def summarize(results: Results) -> State:
    """Return the worst state of at least one check."""
    return max(map(_state, results.values()))


def unknown(reason: object) -> str:
    """Return the line for an installation that cannot be checked."""
    return f'{State.UNKNOWN.name}: {reason}'


def as_text(results: Results) -> str:
    """Return a line with the state, and one for each check with details."""
    problems = [title for title, result in results.items() if _state(result)]
    summary = ', '.join(problems) or f'{len(results)} checks'
    lines = [
        f'{_state(result).name}: {title}: {result.details}'
        for title, result in results.items()
        if result.details
    ]
    return '\n'.join([f'{summarize(results).name}: {summary}', *lines])


def as_json(results: Results) -> str:
    """Return the same as JSON."""
    return json.dumps(
        {
            'state': summarize(results).name,
            'checks': [
                {
                    'check': title,
                    'state': _state(result).name,
                    'details': result.details,
                }
                for title, result in results.items()
            ],
        },
        indent=2,
    )


def _state(result: upgradecheck.Result) -> State:
    return _STATES[result.code]
