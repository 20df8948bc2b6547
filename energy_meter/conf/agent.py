# SPDX-License-Identifier: Apache-2.0

"""Options of the agent."""

from oslo_config import cfg

from energy_meter.conf import names

GROUP = 'agent'

OPTS: list[cfg.Opt] = [
    cfg.Opt(
        'name',
        type=names.Name(),
        help='Name of this agent, for people. The default is the host name.',
    ),
    cfg.FloatOpt(
        'publish_interval',
        default=1.0,
        min=0.01,
        help='Seconds between two publications.',
    ),
    cfg.FloatOpt(
        'max_gap',
        default=60.0,
        min=0.1,
        help='Longest silence of a meter without an energy counter, '
        'in seconds, over which its power is integrated. Never '
        'less than three intervals of the meter. Energy of a '
        'longer gap is not billed; coverage tells it.',
    ),
    cfg.IntOpt(
        'backlog',
        default=100_000,
        min=1,
        help='Most measurements that wait for the bus. Beyond it only '
        'the newest measurement of each register is kept: detail '
        'is lost, energy is not.',
    ),
    cfg.IntOpt(
        'max_batch',
        default=1000,
        min=1,
        max=2000,
        help='Most measurements in one message.',
    ),
    cfg.FloatOpt(
        'journal_interval',
        default=10.0,
        min=0.1,
        max=10.0,
        help='Seconds between two writings of the journal of registers.',
    ),
    cfg.FloatOpt(
        'hang_timeout',
        default=60.0,
        min=1.0,
        help='A driver that gives no sign of life for this many '
        'seconds, or for three intervals if they are longer, '
        'is given up and started anew.',
    ),
    cfg.FloatOpt(
        'backoff_max',
        default=60.0,
        min=0.1,
        help='Longest pause before a failed driver is tried again, '
        'in seconds. The first is one second; each failure '
        'doubles it.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP, OPTS)]
