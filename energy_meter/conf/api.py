# SPDX-License-Identifier: Apache-2.0

"""Options of the API."""

from oslo_config import cfg
from oslo_config import types

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
        'workers',
        default=10,
        min=1,
        help='Number of requests that energy-meter-api serves concurrently.',
    ),
    cfg.StrOpt(
        'auth_strategy',
        default='keystone',
        choices=[
            ('keystone', 'Keystone tokens.'),
            ('noauth', 'No authentication.'),
        ],
        help='Authentication strategy for read access.',
    ),
    cfg.BoolOpt(
        'allow_public_noauth',
        default=False,
        help='Allow energy-meter-api to listen on an address other than '
        'loopback while auth_strategy is noauth.',
    ),
    cfg.ListOpt(
        'allowed_hosts',
        default=[],
        help='Host names of the API in addition to localhost, bind_host and '
        'the name of this machine, for example that of a reverse proxy. '
        'While auth_strategy is noauth, requests for other host names are '
        'rejected, which prevents DNS rebinding. IP addresses are always '
        'allowed.',
    ),
    cfg.StrOpt(
        'metrics_htpasswd',
        help='File with the names and bcrypt passwords of scrapers, as '
        'htpasswd -B creates it. They can read /metrics without a '
        'Keystone token. If not set, /metrics requires a token.',
    ),
    cfg.StrOpt(
        'datacenter',
        default='',
        help='Name of the data center. It is the label datacenter of the '
        'energy of devices on /metrics/energy.',
    ),
    cfg.FloatOpt(
        'probe_ttl',
        default=300.0,
        min=1.0,
        help='Time in seconds since its last update after which a probe is '
        'hidden. Its energy is kept.',
    ),
    cfg.Opt(
        'instance_interval',
        type=types.Integer(choices=[900, 1800, 3600, 86_400]),
        default=86_400,
        help='Time in seconds. A project reads the energy of its instances '
        'in rows that begin and end at multiples of it, in UTC. The energy '
        'of an instance depends on how much its neighbors on the host '
        'compute: the shorter the rows, the more of it is visible. In those '
        'of a day it hardly is.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options of this module by their section."""
    return [(GROUP, OPTS)]
