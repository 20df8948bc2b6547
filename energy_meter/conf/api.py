# SPDX-License-Identifier: Apache-2.0

"""Options of the API."""

from oslo_config import cfg

GROUP = 'api'

OPTS: list[cfg.Opt] = [
    cfg.HostAddressOpt(
        'bind_host',
        default='127.0.0.1',
        help='Address on which energy-meter-api listens.',
    ),
    cfg.PortOpt(
        'port', default=8878, help='Port on which energy-meter-api listens.'
    ),
    cfg.IntOpt(
        'threads',
        default=10,
        min=1,
        help='Requests that energy-meter-api serves at a time.',
    ),
    cfg.StrOpt(
        'auth_strategy',
        default='keystone',
        choices=[
            ('keystone', 'Ask for a Keystone token.'),
            ('noauth', 'Answer everybody.'),
        ],
        help='Who may read.',
    ),
    cfg.BoolOpt(
        'noauth_anywhere',
        default=False,
        help='Let energy-meter-api listen on other addresses than '
        'loopback though auth_strategy is noauth.',
    ),
    cfg.StrOpt(
        'metrics_htpasswd',
        help='File of names and passwords, as htpasswd -B makes it, '
        'of scrapers: they may read /metrics without a Keystone '
        'token. By default there are none.',
    ),
    cfg.FloatOpt(
        'probe_ttl',
        default=300.0,
        min=1.0,
        help='Seconds after its last news for which a probe is '
        'shown. Its energy is kept for ever.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP, OPTS)]
