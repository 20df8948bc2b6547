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
        help='URLs of the buses to read, separated by commas. Their '
        'messages are forwarded to [DEFAULT] transport_url.',
    ),
    cfg.StrOpt(
        'name',
        help='Name of this forwarder. It is added to each message, so that '
        'no message passes the same forwarder twice. Forwarders that '
        'share the work of one source may share a name; others must '
        'not. The default is derived from the host name and '
        'transport_url.',
    ),
    cfg.StrOpt(
        'pool',
        help='Name of a separate queue on the sources, such as '
        'energy_meter.forwarder. It is required if collectors read the '
        'queue of the topic there. By default the forwarder reads the '
        'queue of the topic.',
    ),
    cfg.ListOpt(
        'wattmeters',
        default=['*'],
        help='Patterns of the wattmeters to forward: * matches any text, '
        '? any character and [ab] one of these characters.',
    ),
    cfg.ListOpt(
        'probes',
        default=['*'],
        help='Patterns of the probes to forward, as for wattmeters. Unless '
        're_sign is set, an envelope is forwarded unchanged if any of '
        'its probes matches, because its signature covers all of '
        'them.',
    ),
    cfg.BoolOpt(
        're_sign',
        default=False,
        help='Sign forwarded envelopes again, with the first of [bus] '
        'secrets, after verifying them with any of these secrets. Readers '
        'then trust this forwarder instead of the agents.',
    ),
    cfg.IntOpt(
        'max_hops',
        default=8,
        min=1,
        help='Maximum number of forwarders that a message may pass.',
    ),
    cfg.IntOpt(
        'batch_size',
        default=50,
        min=1,
        help='Maximum number of messages to combine into one.',
    ),
    cfg.FloatOpt(
        'flush_interval',
        default=0.2,
        min=0.01,
        help='Maximum time in seconds to collect messages before '
        'forwarding them as one.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of the forwarder."""
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options by group, for the generated reference."""
    return [(GROUP, OPTS)]
