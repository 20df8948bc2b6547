# SPDX-License-Identifier: Apache-2.0

"""Options of the collector."""

from oslo_config import cfg

GROUP = 'collector'

OPTS: list[cfg.Opt] = [
    cfg.FloatOpt(
        'flush_interval',
        default=1.0,
        min=0.01,
        help='Longest time, in seconds, that a batch of messages '
        'waits for its transaction.',
    ),
    cfg.IntOpt(
        'batch_size',
        default=50,
        min=1,
        help='Most messages in one batch. Half of [oslo_messaging_'
        'rabbit] rabbit_qos_prefetch_count lets the next batch '
        'arrive while one is written.',
    ),
    cfg.FloatOpt(
        'takeover',
        default=60.0,
        min=1.0,
        help='Seconds for which the owner of a probe must be silent '
        'before another agent that meters the same probe takes '
        'over.',
    ),
    cfg.FloatOpt(
        'max_watts',
        default=100_000.0,
        min=1.0,
        help='Most that any probe can draw, in watts. A register '
        'that shows more power, or more energy than this much '
        'power could have made, is refused.',
    ),
    cfg.IntOpt(
        'fold_after',
        default=30,
        min=2,
        help='Days after which registers that ended are folded into '
        'their probe.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP, OPTS)]
