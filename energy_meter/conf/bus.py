# SPDX-License-Identifier: Apache-2.0

"""Options of the bus, and our defaults for oslo.messaging."""

import re

from oslo_config import cfg
from oslo_config import types
import oslo_messaging
from oslo_messaging import opts as messaging_opts

GROUP = 'bus'
RABBIT_GROUP = 'oslo_messaging_rabbit'
EXCHANGE = 'energy_meter'


class URLs(types.ConfigType):
    """A list of URLs.

    Commas separate the URLs, and within a URL the hosts of a cluster.
    """

    _SEPARATOR = re.compile(r'\s*,\s*(?=[a-z][a-z+]*://)')

    def __init__(self) -> None:
        super().__init__(type_name='list of URLs')

    def __call__(self, value: object) -> list[str]:
        if isinstance(value, list):
            return value
        return [
            url for url in self._SEPARATOR.split(str(value).strip()) if url
        ]

    def _formatter(self, value: list[str]) -> str:
        return ', '.join(value)


OPTS: list[cfg.Opt] = [
    cfg.Opt(
        'sources',
        type=URLs(),
        default=[],
        secret=True,
        help='URLs of the buses that collectors and the RRD plugin read, '
        'separated by commas. The format is that of [DEFAULT] '
        'transport_url, which is the only bus by default. A bus that '
        'is unreachable does not stop the others.',
    ),
    cfg.ListOpt(
        'secrets',
        default=[],
        secret=True,
        help='Secrets for signing messages: the first one signs, all of '
        'them verify. To change a secret without interruption, append '
        'the new one on all machines, move it to the front on all '
        'machines, then remove the old one on all machines. Send SIGHUP '
        'to a service to reload its secrets. A secret must not contain '
        'a comma. To give an agent its own secrets, add an '
        '[agent:<name>] section.',
    ),
    cfg.StrOpt(
        'management_url',
        secret=True,
        help='URL of the RabbitMQ management plugin of the broker in '
        'transport_url, such as https://monitor:PASSWORD@host:15671. '
        'energy-meter-status uses it to check whether queues are '
        'bounded. By default this is not checked.',
    ),
]

#: Defaults for RabbitMQ: quorum queues, a prefetch that fills the window of
#: :mod:`energy_meter.bus.window`, fast reconnects, and heartbeats that detect
#: dead connections.
RABBIT_DEFAULTS = {
    'rabbit_quorum_queue': True,
    'rabbit_qos_prefetch_count': 1000,
    'rabbit_interval_max': 2,
    'rabbit_retry_backoff': 1,
    'heartbeat_timeout_threshold': 20,
}


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of the bus and those of oslo.messaging."""
    conf.register_opts(OPTS, GROUP)
    for group, opts in messaging_opts.list_opts():
        conf.register_opts(opts, group)
    conf.set_default('control_exchange', EXCHANGE)
    for name, value in RABBIT_DEFAULTS.items():
        conf.set_default(name, value, RABBIT_GROUP)


def set_library_defaults() -> None:
    """Set our defaults globally, for the generated sample and reference."""
    from oslo_messaging._drivers import impl_rabbit

    cfg.set_defaults(impl_rabbit.rabbit_opts, **RABBIT_DEFAULTS)
    oslo_messaging.set_transport_defaults(EXCHANGE)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options by group, for the generated reference."""
    return [(GROUP, OPTS)]
