# SPDX-License-Identifier: Apache-2.0

"""Options of the ``[agent:...]`` sections: agents with their own secrets."""

from oslo_config import cfg

PREFIX = 'agent:'

OPTS: list[cfg.Opt] = [
    cfg.ListOpt(
        'secrets',
        secret=True,
        required=True,
        help='Secrets of this agent alone: any of them verifies. On '
        'the agent they are its [bus] secrets. To be changed '
        'without a gap as those are.',
    ),
    cfg.ListOpt(
        'probes',
        required=True,
        help='Patterns of the probes of which this agent may speak, '
        'and of which no other may unless its own patterns '
        'match, too: * stands for anything, ? for any character, '
        '[12] for one of several.',
    ),
]


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(PREFIX + '<name>', OPTS)]
