# SPDX-License-Identifier: Apache-2.0

"""Options of the ``[wattmeter:...]`` and ``[probe:...]`` sections."""

from oslo_config import cfg

from energy_meter import measurement
from energy_meter.conf import names

PREFIX = 'wattmeter:'
PROBE_PREFIX = 'probe:'

#: Stands for a secret in a section that was made for the operator.
FILL_IN = '<fill in>'

OPTS: list[cfg.Opt] = [
    cfg.StrOpt('driver', help='Name of the driver that reads this wattmeter.'),
    cfg.ListOpt(
        'probes',
        help='Ids of its probes, in the order of its outlets; leave '
        'an outlet out by leaving its place empty. Or one '
        'pattern for all outlets that the wattmeter has, such '
        'as {host}-{outlet}; its fields are {wattmeter}, {host}, '
        '{outlet} (the number) and {name} (what the wattmeter '
        'calls it).',
    ),
    cfg.FloatOpt(
        'interval',
        default=1.0,
        min=0.001,
        help='Seconds between two readings.',
    ),
    cfg.FloatOpt(
        'max_watts',
        min=0.001,
        help='Most that a probe can draw, in watts. Larger readings '
        'are refused. The default is 100,000.',
    ),
    cfg.StrOpt(
        'scope',
        choices=measurement.SCOPES,
        help="What the probes measure. The default is the driver's.",
    ),
    cfg.Opt(
        'metered_host',
        type=names.Name(),
        help='Name of the machine that the probes measure. The default '
        "is the probe's id, or for drivers that measure the agent's "
        'own machine its host name.',
    ),
    cfg.StrOpt(
        'energy',
        default='auto',
        choices=[
            (
                'auto',
                'The energy counter of the hardware where '
                'there is one, else integrated power.',
            ),
            ('counter', 'Only the energy counter.'),
            ('integrate', 'Only integrated power.'),
        ],
        help='Where the energy comes from.',
    ),
]

PROBE_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'scope', choices=measurement.SCOPES, help='What this probe measures.'
    ),
    cfg.Opt(
        'host',
        type=names.Name(),
        help='Name of the machine that this probe measures.',
    ),
    cfg.ListOpt(
        'sum',
        help='Ids of the probes that this one is the sum of, for a '
        'host that two outlets feed. It is no probe of a '
        'wattmeter, and the collectors are who must know it.',
    ),
    cfg.Opt(
        'project_id',
        type=names.Name(),
        help='Id of the Keystone project that pays for this probe: its '
        'samples in Ceilometer belong to it. The collectors are who '
        'must know it.',
    ),
    cfg.FloatOpt(
        'max_watts', min=0.001, help='Most that this probe can draw, in watts.'
    ),
]

#: Those of a probe that the collectors read: for them a probe need not be of
#: a wattmeter that is configured beside.
COLLECTORS_OPTS = frozenset({'sum', 'project_id'})


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(PREFIX + '<name>', OPTS), (PROBE_PREFIX + '<id>', PROBE_OPTS)]
