# SPDX-License-Identifier: Apache-2.0

"""Options of the agent."""

from oslo_config import cfg

from energy_meter.conf import names

GROUP = 'agent'

OPTS: list[cfg.Opt] = [
    cfg.Opt(
        'name',
        type=names.Name(),
        help='Name of this agent in messages, logs and lists. Defaults to '
        'the host name.',
    ),
    cfg.FloatOpt(
        'publish_interval',
        default=1.0,
        min=0.01,
        help='Interval in seconds between two publications.',
    ),
    cfg.FloatOpt(
        'max_gap',
        default=60.0,
        min=0.1,
        help='Maximum time in seconds between two readings over which the '
        'power of a wattmeter without an energy counter is integrated. '
        'Three intervals of the wattmeter, if these are longer. The energy '
        'of a longer gap is not billed and reduces the coverage.',
    ),
    cfg.IntOpt(
        'max_backlog',
        default=100_000,
        min=1,
        help='Maximum number of measurements queued while the bus is '
        'unreachable. When the queue is full, only the newest measurement '
        'of each register is kept. No energy is lost, only resolution.',
    ),
    cfg.IntOpt(
        'max_batch',
        default=1000,
        min=1,
        max=2000,
        help='Maximum number of measurements in one message.',
    ),
    cfg.FloatOpt(
        'checkpoint_interval',
        default=10.0,
        min=0.1,
        max=10.0,
        help='Interval in seconds between two checkpoints of the registers '
        'in state_path. An agent that is killed loses the energy metered '
        'since the last checkpoint or publication.',
    ),
    cfg.FloatOpt(
        'hang_timeout',
        default=60.0,
        min=1.0,
        help='Time in seconds, or three intervals of the wattmeter if these '
        'are longer, after which a driver call that has not returned is '
        'abandoned and the driver is started again.',
    ),
    cfg.FloatOpt(
        'max_backoff',
        default=60.0,
        min=0.1,
        help='Maximum pause in seconds before a failed driver is started '
        'again. The first pause is one second, and each failure doubles '
        'it.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register these options."""
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return these options by section."""
    return [(GROUP, OPTS)]
