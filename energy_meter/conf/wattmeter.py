# SPDX-License-Identifier: Apache-2.0

"""Options of the ``[wattmeter:...]`` and ``[probe:...]`` sections."""

import collections.abc
import copy

from oslo_config import cfg
from oslo_config import types

from energy_meter import measurement
from energy_meter.conf import names
from energy_meter.conf import ranges

PREFIX = 'wattmeter:'
TEMPLATE_PREFIX = 'template:'
PROBE_PREFIX = 'probe:'

#: Placeholder for a secret in a generated section.
FILL_IN = '<fill in>'

#: Type of lists in these sections. Elements that contain commas are quoted.
LIST = types.List(types.String(quotes=True))

OPTS: list[cfg.Opt] = [
    cfg.StrOpt('driver', help='Name of the driver that reads this wattmeter.'),
    cfg.StrOpt(
        'template',
        help='Name of a template: the section [template:<name>], which may '
        'contain any other option of a wattmeter. The options of the '
        'wattmeter itself take precedence.',
    ),
    cfg.Opt(
        'probes',
        type=ranges.IDs(),
        help='IDs of its probes, in the order of its channels. An empty '
        'entry skips a channel. Alternatively, a pattern for the IDs of all '
        'channels, for example {host}-{channel}. Its fields are '
        '{wattmeter}, {host}, {channel} (the number of the channel) and '
        '{name} (the name of the channel on the device). An ID may contain a '
        'range such as {01..40} or {a,b}.',
    ),
    cfg.FloatOpt(
        'interval',
        default=1.0,
        min=0.001,
        help='Interval in seconds between two readings.',
    ),
    cfg.FloatOpt(
        'max_watts',
        min=0.001,
        help='Maximum power of a probe, in watts. Higher readings are '
        'rejected, and no energy counter is billed for more. The default '
        'depends on the scope: 20,000 W for a node, 10,000 W for an outlet, '
        '50,000 W for an inlet, 1,000 W for a processor.',
    ),
    cfg.StrOpt(
        'scope',
        choices=measurement.SCOPES,
        help='What the probes measure. Defaults to the scope of the driver.',
    ),
    cfg.Opt(
        'metered_host',
        type=names.Name(),
        help='Name of the machine whose power the probes measure. Defaults '
        'to the ID of each probe, or to the host name of the agent for '
        'drivers that measure its own machine.',
    ),
    cfg.StrOpt(
        'energy',
        default='auto',
        choices=[
            (
                'auto',
                'The hardware energy counter if there is one, or else '
                'integrated power.',
            ),
            ('counter', 'Only the hardware energy counter.'),
            ('integrate', 'Only integrated power.'),
        ],
        help='Source of the energy.',
    ),
]

PROBE_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'scope',
        choices=measurement.SCOPES,
        help='What this probe measures. Defaults to the scope of its '
        'wattmeter.',
    ),
    cfg.Opt(
        'host',
        type=names.Name(),
        help='Name of the machine whose power this probe measures. Defaults '
        'to metered_host of its wattmeter.',
    ),
    cfg.Opt(
        'sum',
        type=ranges.IDs(),
        help='IDs of the probes whose sum this probe shows, for example the '
        'two outlets that feed a host. An ID may contain a range. Set this '
        "in the collectors' configuration; the probe must not belong to a "
        'wattmeter.',
    ),
    cfg.Opt(
        'project_id',
        type=names.Name(),
        help='ID of the Keystone project that owns the samples of this probe '
        "in Ceilometer. Set this in the collectors' configuration. By "
        'default, the samples belong to no project.',
    ),
    cfg.FloatOpt(
        'max_watts',
        min=0.001,
        help='Maximum power of this probe, in watts. Higher readings are '
        'rejected, and no energy counter is billed for more. Defaults to '
        'max_watts of its wattmeter, or else depends on its scope. In the '
        "collectors' configuration, the limit for what agents report of this "
        'probe, instead of [collector] max_watts.',
    ),
]

#: Options of a probe that collectors read. Such a probe does not need a
#: wattmeter in the same configuration.
COLLECTORS_OPTS = frozenset({'sum', 'project_id'})
#: Options of a probe that only agents read.
AGENTS_OPTS = frozenset({'scope', 'host'})


def split(text: str) -> list[str]:
    """Return the elements of a list of IDs, which may be invalid."""
    try:
        return ranges.IDs(types.String(quotes=True))(text)
    except ValueError:
        return [element.strip() for element in text.split(',')]


def with_quotes(
    opts: collections.abc.Iterable[cfg.Opt],
) -> list[cfg.Opt]:
    """Return options whose lists of texts accept quoted elements.

    The names of outlets may contain commas.
    """
    return [_with_quotes(opt) for opt in opts]


def _with_quotes(opt: cfg.Opt) -> cfg.Opt:
    list_type = opt.type
    if not isinstance(list_type, types.List) or not isinstance(
        list_type.item_type, types.String
    ):
        return opt
    # Other code uses the option, too.
    opt = copy.copy(opt)
    opt.type = copy.copy(list_type)
    opt.type.item_type = copy.copy(list_type.item_type)
    opt.type.item_type.quotes = True
    return opt


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return these options by section."""
    return [(PREFIX + '<name>', OPTS), (PROBE_PREFIX + '<id>', PROBE_OPTS)]
