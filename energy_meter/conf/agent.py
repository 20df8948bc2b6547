# SPDX-License-Identifier: Apache-2.0

"""Options of the agent."""

from oslo_config import cfg

from energy_meter.conf import names

GROUP = 'agent'
#: Maximum size of the marks in ``state_path``.
MARK_BUFFER_BYTES = 512 * 2**20

OPTS: list[cfg.Opt] = [
    cfg.Opt(
        'name',
        type=names.Name(),
        help='Name of this agent in messages, logs and lists. Defaults to '
        'the host name.',
    ),
    cfg.Opt(
        'host',
        type=names.Name(),
        help='Name of the machine in the identity of this agent, for '
        'containers that have a new host name at every start. Set it to a '
        'name that no other agent uses. Defaults to the host name. An agent '
        'that finds another name in its state_path is a copy, and gets a '
        'UUID of its own.',
    ),
    cfg.StrOpt(
        'clock',
        default='auto',
        choices=[
            ('auto', 'Ask the kernel.'),
            ('synced', 'The clock is always synchronized.'),
            ('unsynced', 'The clock is never synchronized.'),
        ],
        help='Whether the clock of this machine is synchronized. The kernel '
        'does not know it in some containers, and where PTP sets the clock '
        'without it.',
    ),
    cfg.IntOpt(
        'profile_interval',
        default=900,
        choices=[60, 180, 300, 900],
        help='Interval in seconds of the profile of each probe. At each '
        'multiple of it, in UTC, the agent keeps a mark: the energy of the '
        'register at that time. The marks of four days are stored in '
        'state_path, with about 30 bytes for each mark.',
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
