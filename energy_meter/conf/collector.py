# SPDX-License-Identifier: Apache-2.0

"""Options of the collectors."""

from oslo_config import cfg

GROUP = 'collector'

OPTS: list[cfg.Opt] = [
    cfg.FloatOpt(
        'flush_interval',
        default=2.0,
        min=0.01,
        help='Maximum time in seconds to collect messages before writing a '
        'batch. With 1 second, values in the API are up to one second newer, '
        'and PostgreSQL takes nearly twice as much CPU time.',
    ),
    cfg.IntOpt(
        'batch_size',
        default=50,
        min=1,
        help='Maximum number of messages in one batch. If more wait, agents '
        'take turns. Messages are read ahead, up to [oslo_messaging_rabbit] '
        'rabbit_qos_prefetch_count.',
    ),
    cfg.FloatOpt(
        'settle_interval',
        default=10.0,
        min=0.1,
        max=15.0,
        help='Interval in seconds between two settlings of contested probes, '
        'whose energy several registers metered at the same time.',
    ),
    cfg.StrOpt(
        'attribution_method',
        default='reserved-and-cpu',
        help='Entry point in energy_meter.attribution that divides the '
        'energy of a host between its instances. Set it, and [rrd] '
        'scope_precedence, to the same value for energy-meter-api. Days that '
        'were closed keep the method that they were closed with.',
    ),
    cfg.FloatOpt(
        'max_watts',
        default=100_000.0,
        min=1.0,
        help='Maximum power of any probe without max_watts in a '
        '[probe:<id>] section of this configuration, in watts. Measurements '
        'with a higher power, or with more energy than this power can '
        'produce in the time, are rejected.',
    ),
    cfg.IntOpt(
        'max_probes',
        default=200_000,
        min=1,
        help='Maximum number of probes of all agents. Those with the shared '
        'secret can choose any name, so only this option limits their '
        'probes.',
    ),
    cfg.IntOpt(
        'max_agent_probes',
        default=12_000,
        min=1,
        help='Maximum number of probes of one agent. Its further probes are '
        'rejected, and energy-meter-rrd creates no files for them. Probes '
        'that were deleted do not count.',
    ),
    cfg.IntOpt(
        'max_probe_registers',
        default=10_000,
        min=1,
        help='Maximum number of registers of one probe. Each start of an '
        'agent opens one; the default allows a start each day for 27 years.',
    ),
    cfg.IntOpt(
        'max_hourly_registers',
        default=60,
        min=1,
        help='Maximum number of new registers of one probe in an hour. Each '
        'collector counts for itself. A register beyond it is accepted later, '
        'with all of its energy, if it continues.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of the collectors."""
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options for the sample configuration file."""
    return [(GROUP, OPTS)]
