# SPDX-License-Identifier: Apache-2.0


"""Options of the RRD plugin: archive, graphs and pages."""

import re
import typing

from oslo_config import cfg
from oslo_config import types

GROUP = 'rrd'
#: Name of the plugin's own queue.
POOL = 'energy_meter.rrd'

_UNITS = {'s': 1, 'm': 60, 'h': 3600, 'd': 86_400}
_DURATION = re.compile('([1-9][0-9]{0,8})([smhd])')


class Resolution(typing.NamedTuple):
    """One of the archives in an RRD file.

    :ivar step: seconds of one row.
    :ivar span: seconds that all rows cover.
    """

    step: int
    span: int


class ResolutionType(types.ConfigType):
    """Reads a resolution: ``10s/1h`` is rows of ten seconds for an hour."""

    def __init__(self) -> None:
        super().__init__(type_name='resolution')

    def __call__(self, value: object) -> Resolution:
        if isinstance(value, tuple):
            return Resolution(*value)
        step, slash, span = str(value).partition('/')
        result = Resolution(_seconds(step), _seconds(span))
        if not slash or result.span % result.step:
            raise ValueError(
                f'{value}: expected STEP/SPAN, such as 10s/1h, '
                'with a span of whole steps'
            )
        return result

    def _formatter(self, value: object) -> str:
        return str(value)


def _seconds(text: str) -> int:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f'{text!r} is no duration: expected a number and one of s, m, h, d'
        )
    return int(found[1]) * _UNITS[found[2]]


OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'directory',
        default='$state_path/rrd',
        help='Directory of the RRD files, one for each probe.',
    ),
    cfg.StrOpt(
        'graph_directory',
        default='$state_path/graphs',
        help='Directory in which drawn graphs are kept until their '
        'data changes. It may be emptied at any time.',
    ),
    cfg.StrOpt(
        'daemon',
        help='Socket of rrdcached, such as /run/rrdcached.sock, '
        'through which the files are written. By default they '
        'are written directly.',
    ),
    cfg.FloatOpt(
        'flush_interval',
        default=5.0,
        min=0.1,
        help='Seconds between two writings of what has arrived.',
    ),
    cfg.IntOpt(
        'batch_size',
        default=50,
        min=1,
        help='Most messages that are taken from the bus at once.',
    ),
    cfg.IntOpt(
        'backlog',
        default=200_000,
        min=1,
        help='Most measurements that wait in memory while the files '
        'can not be written. Beyond it the bus has to keep '
        'them.',
    ),
    cfg.FloatOpt(
        'max_gap',
        default=60.0,
        min=1.0,
        help='Longest gap between two measurements, in seconds, '
        'that is filled with the mean power that the register '
        'tells for it.',
    ),
    cfg.IntOpt(
        'step',
        default=1,
        min=1,
        help='Seconds of the finest resolution of new files.',
    ),
    cfg.Opt(
        'archives',
        type=types.List(ResolutionType()),
        default=[
            '1s/5m',
            '10s/1h',
            '1m/1d',
            '5m/7d',
            '30m/31d',
            '6h/366d',
            '1d/1830d',
        ],
        sample_default='1s/5m, 10s/1h, 1m/1d, 5m/7d, 30m/31d, 6h/366d, '
        '1d/1830d',
        help='Resolutions of new files, each as STEP/SPAN with the units '
        's, m, h and d. Those that span a day or more also keep '
        'minima and maxima. Files made with others are rewritten by '
        'energy-meter-manage rrd migrate.',
    ),
    cfg.ListOpt(
        'scopes',
        default=[
            'node',
            'inlet',
            'outlet',
            'psu',
            'cpu-package',
            'platform',
            'dram',
            'battery',
            'chassis',
            'phase',
            'circuit',
            'other',
        ],
        help='Which probes of a host make up the sum of all power: '
        'those of the first of these scopes that it has.',
    ),
    cfg.FloatOpt(
        'kwh_price',
        min=0.0,
        help='Price of one kWh. By default no cost is shown.',
    ),
    cfg.StrOpt('currency', default='EUR', help='Currency of kwh_price.'),
    cfg.FloatOpt(
        'upper_limit',
        min=1.0,
        help='Where the axis of a graph of one probe ends, in '
        'watts. By default it fits the data.',
    ),
    cfg.FloatOpt(
        'refresh',
        default=5.0,
        min=0.0,
        help='Seconds between two updates of an open page. Zero for none.',
    ),
    cfg.HostAddressOpt(
        'bind_host',
        default='127.0.0.1',
        help='Address on which energy-meter-rrd serves the pages.',
    ),
    cfg.PortOpt(
        'port',
        default=8879,
        help='Port on which energy-meter-rrd serves the pages.',
    ),
    cfg.IntOpt(
        'threads',
        default=10,
        min=1,
        help='Requests that energy-meter-rrd serves at a time.',
    ),
    cfg.StrOpt(
        'auth_strategy',
        default='noauth',
        choices=[
            ('noauth', 'Answer everybody.'),
            (
                'http_basic',
                'Ask for a name and a password of the file htpasswd.',
            ),
            ('keystone', 'Ask for a Keystone token.'),
        ],
        help='Who may read.',
    ),
    cfg.StrOpt(
        'htpasswd',
        default='/etc/energy_meter/htpasswd',
        help='File of names and passwords, as htpasswd -B makes it.',
    ),
    cfg.BoolOpt(
        'noauth_anywhere',
        default=False,
        help='Let energy-meter-rrd listen on other addresses than '
        'loopback though auth_strategy is noauth.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(GROUP, OPTS)]
