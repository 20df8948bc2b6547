# SPDX-License-Identifier: Apache-2.0

"""Options of the forwarder."""

from oslo_config import cfg

from energy_meter.conf import bus

GROUP = 'forwarder'

OPTS: list[cfg.Opt] = [
    cfg.Opt(
        'sources',
        type=bus.URLs(),
        default=[],
        secret=True,
        help='URLs of the buses that are read, with commas between them. '
        'What they bring is sent to [DEFAULT] transport_url.',
    ),
    cfg.StrOpt(
        'name',
        help='Name of this forwarder, which messages carry so that '
        'they never pass it twice. Forwarders that share their '
        'work may share a name; others must not. The default is '
        'made of the host name and transport_url.',
    ),
    cfg.StrOpt(
        'pool',
        help='Name of an own queue on the sources, such as '
        'energy_meter.forwarder, where collectors read the '
        "topic's. By default the forwarder reads that.",
    ),
    cfg.ListOpt(
        'wattmeters',
        default=['*'],
        help='Which wattmeters are forwarded: patterns, in which * '
        'stands for any text, ? for any character and [ab] for '
        'one of these.',
    ),
    cfg.ListOpt(
        'probes',
        default=['*'],
        help='Which probes are forwarded, as for wattmeters. What a '
        'wattmeter sent together stays together, so that its '
        'signature holds: one such probe takes its neighbours '
        'with it unless resign is set.',
    ),
    cfg.BoolOpt(
        'resign',
        default=False,
        help='Sign anew, with the first of [bus] secrets, what the '
        'others have verified. Readers then trust this '
        'forwarder instead of the agents.',
    ),
    cfg.IntOpt(
        'max_hops',
        default=8,
        min=1,
        help='Most forwarders that a message may pass.',
    ),
    cfg.IntOpt(
        'batch_size',
        default=50,
        min=1,
        help='Most messages that are sent on as one.',
    ),
    cfg.FloatOpt(
        'flush_interval',
        default=0.2,
        min=0.01,
        help='Longest time, in seconds, that a message waits for '
        'others to be sent on with.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP, OPTS)]
