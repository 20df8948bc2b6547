# SPDX-License-Identifier: Apache-2.0

"""Options of ``[agent:<name>]`` sections: agents with their own secrets."""

from oslo_config import cfg

PREFIX = 'agent:'

OPTS: list[cfg.Opt] = [
    cfg.ListOpt(
        'secrets',
        secret=True,
        required=True,
        help='Secrets that only this agent signs with. Any of them verifies. '
        'On the agent, set them as [bus] secrets. Change them in the '
        'same three steps.',
    ),
    cfg.ListOpt(
        'probes',
        required=True,
        help='Patterns of the probes that this agent may report: * matches '
        'any text, ? any character and [12] one of these characters. '
        'Other agents may report these probes only if the patterns of '
        'their own sections match.',
    ),
    cfg.ListOpt(
        'hosts',
        default=[],
        help='Patterns of the hosts that these probes may measure, in '
        'addition to hosts that match probes. A probe with another host '
        'keeps its energy but counts as a host of its own, so it replaces '
        'no other probe in totals. Other agents cannot name these hosts, '
        'nor probes after them, unless their own sections match.',
    ),
]


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options by group, for the generated reference."""
    return [(PREFIX + '<name>', OPTS)]
