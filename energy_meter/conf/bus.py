# SPDX-License-Identifier: Apache-2.0

"""Options of the bus, and better defaults for oslo.messaging."""

import re

from oslo_config import cfg
from oslo_config import types
import oslo_messaging
from oslo_messaging import opts as messaging_opts

GROUP = 'bus'
RABBIT_GROUP = 'oslo_messaging_rabbit'
EXCHANGE = 'energy_meter'


class URLs(types.ConfigType):
    """Reads a list of URLs, in which commas also part hosts of a cluster."""

    _BORDER = re.compile(r'\s*,\s*(?=[a-z][a-z+]*://)')

    def __init__(self) -> None:
        super().__init__(type_name='list of URLs')

    def __call__(self, value: object) -> list[str]:
        if isinstance(value, list):
            return value
        return [url for url in self._BORDER.split(str(value).strip()) if url]

    def _formatter(self, value: list[str]) -> str:
        return ', '.join(value)


OPTS: list[cfg.Opt] = [
    cfg.Opt(
        'sources',
        type=URLs(),
        default=[],
        secret=True,
        help='URLs of the buses that collectors and the RRD plugin read, '
        'as [DEFAULT] transport_url is written, with commas between '
        'them. By default it is transport_url alone. Buses that are '
        'away do not stop the others.',
    ),
    cfg.ListOpt(
        'secrets',
        default=[],
        secret=True,
        help='Secrets that sign messages: the first signs, all '
        'verify. To change them without a gap: append the new '
        'one everywhere, move it to the front everywhere, '
        'remove the old one everywhere; SIGHUP makes a service '
        'read them. A secret can hold no comma. Agents with '
        'secrets of their own have a section [agent:<name>].',
    ),
    cfg.StrOpt(
        'management_url',
        secret=True,
        help="URL of the management plugin of transport_url's broker, "
        'such as https://monitor:PASSWORD@host:15671, where '
        'energy-meter-status asks whether queues are bounded. By '
        'default it does not ask.',
    ),
]

#: Queues that survive the broker, a reader that doesn't pull the whole
#: backlog into its memory, a quick return after an outage, and connections
#: whose silence is noticed.
RABBIT_DEFAULTS = {
    'rabbit_quorum_queue': True,
    'rabbit_qos_prefetch_count': 100,
    'rabbit_interval_max': 2,
    'rabbit_retry_backoff': 1,
    'heartbeat_timeout_threshold': 20,
}


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, GROUP)
    for group, opts in messaging_opts.list_opts():
        conf.register_opts(opts, group)
    conf.set_default('control_exchange', EXCHANGE)
    for name, value in RABBIT_DEFAULTS.items():
        conf.set_default(name, value, RABBIT_GROUP)


def set_library_defaults() -> None:
    """Let the generated sample and reference show our defaults."""
    from oslo_messaging._drivers import impl_rabbit

    cfg.set_defaults(impl_rabbit.rabbit_opts, **RABBIT_DEFAULTS)
    oslo_messaging.set_transport_defaults(EXCHANGE)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP, OPTS)]
