# SPDX-License-Identifier: Apache-2.0

"""Options of the RRD plugin: archive, graphs and pages."""

import re
import typing

from oslo_config import cfg
from oslo_config import types

GROUP = 'rrd'
#: Pool of the plugin's listener, and name of its queue.
POOL = 'energy_meter.rrd'

_UNITS = {'s': 1, 'm': 60, 'h': 3600, 'd': 86_400}
_DURATION = re.compile('([1-9][0-9]{0,8})([smhd])')


class Resolution(typing.NamedTuple):
    """One resolution of an RRD file.

    :ivar step: length of one row, in seconds.
    :ivar span: length of all rows together, in seconds.
    """

    step: int
    span: int


class ResolutionType(types.ConfigType):
    """Parses a resolution: ``10s/1h`` is ten-second rows for one hour."""

    def __init__(self) -> None:
        super().__init__(type_name='resolution')

    def __call__(self, value: object) -> Resolution:
        if isinstance(value, tuple):
            return Resolution(*value)
        step, slash, span = str(value).partition('/')
        result = Resolution(_seconds(step), _seconds(span))
        if not slash or result.span % result.step:
            raise ValueError(
                f'{value}: expected STEP/SPAN, for example 10s/1h, with a '
                'span that is a multiple of the step'
            )
        return result

    def _formatter(self, value: object) -> str:
        return str(value)


def _seconds(text: str) -> int:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f'{text!r} is not a duration: expected a number followed by s, m, '
            'h or d'
        )
    return int(match[1]) * _UNITS[match[2]]


OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'directory',
        default='$state_path/rrd',
        help='Directory of the RRD files, one file per probe.',
    ),
    cfg.StrOpt(
        'graph_directory',
        default='$state_path/graphs',
        help='Directory that caches graphs until their data changes. It '
        'may be emptied at any time.',
    ),
    cfg.IntOpt(
        'graph_cache_mb',
        default=256,
        min=1,
        help='Maximum size, in MiB, of all graphs in graph_directory. Beyond '
        'it those that were drawn first are deleted.',
    ),
    cfg.StrOpt(
        'daemon',
        help='Socket of the rrdcached daemon that writes the files, for '
        'example /run/rrdcached.sock. By default files are written '
        'directly.',
    ),
    cfg.FloatOpt(
        'flush_interval',
        default=10.0,
        min=0.1,
        help='Interval in seconds between writes of the measurements '
        'received since the last write. They are written earlier if they '
        'fill half of max_backlog.',
    ),
    cfg.IntOpt(
        'batch_size',
        default=50,
        min=1,
        help='Maximum number of messages to read from the bus at once.',
    ),
    cfg.IntOpt(
        'max_backlog',
        default=200_000,
        min=1,
        help='Maximum number of measurements queued in memory while files '
        'cannot be written. Further measurements stay in the queue of '
        'the message bus.',
    ),
    cfg.IntOpt(
        'min_free_mb',
        default=256,
        min=0,
        help='Minimum of free space, in MiB, of the file systems of directory '
        'and graph_directory. Below it no files of new probes are created, '
        'and no graphs are cached. Existing files never grow, and are written '
        'on.',
    ),
    cfg.FloatOpt(
        'max_gap',
        default=60.0,
        min=1.0,
        help='Maximum gap in seconds between two measurements that is '
        'filled with the mean power computed from the register. Must be '
        'longer than the interval of the slowest wattmeter.',
    ),
    cfg.IntOpt(
        'step',
        default=1,
        min=1,
        help='Length in seconds of one row of new files at the finest '
        'resolution.',
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
        's, m, h and d. Resolutions that span a day or more also keep '
        'minima and maxima. To convert existing files, run '
        'energy-meter-manage rrd migrate.',
    ),
    cfg.ListOpt(
        'scope_precedence',
        default=[
            'node',
            'inlet',
            'outlet',
            'psu',
            'ups',
            'cpu-package',
            'platform',
            'dram',
            'gpu',
            'battery',
            'chassis',
            'phase',
            'circuit',
            'other',
        ],
        help='Scopes in order of precedence. In the sum of all probes, each '
        'host is represented by its probes of the first scope in this '
        'list that it has.',
    ),
    cfg.FloatOpt(
        'kwh_price',
        min=0.0,
        help='Price of one kWh. By default, costs are not shown.',
    ),
    cfg.StrOpt('currency', default='EUR', help='Currency of kwh_price.'),
    cfg.FloatOpt(
        'graph_max_watts',
        min=1.0,
        help='Upper end of the power axis of graphs, in watts. By default, '
        'the axis fits the data.',
    ),
    cfg.FloatOpt(
        'refresh_interval',
        default=5.0,
        min=0.0,
        help='Interval in seconds between updates of an open page. Set to 0 '
        'to disable updates.',
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
        'workers',
        default=10,
        min=1,
        help='Maximum number of requests that energy-meter-rrd serves '
        'concurrently.',
    ),
    cfg.StrOpt(
        'auth_strategy',
        default='noauth',
        choices=[
            ('noauth', 'No authentication.'),
            (
                'http_basic',
                'HTTP basic authentication against the file htpasswd.',
            ),
            ('keystone', 'Keystone tokens.'),
        ],
        help='Authentication strategy for read access.',
    ),
    cfg.StrOpt(
        'htpasswd',
        default='/etc/energy_meter/htpasswd',
        help='File with user names and bcrypt hashes of their passwords, '
        'created by htpasswd -B.',
    ),
    cfg.BoolOpt(
        'allow_public_noauth',
        default=False,
        help='Allow energy-meter-rrd to listen on an address other than '
        'loopback while auth_strategy is noauth.',
    ),
    cfg.ListOpt(
        'allowed_hosts',
        default=[],
        help='Host names of the pages in addition to localhost, bind_host and '
        'the name of this machine, for example that of a reverse proxy. '
        'While auth_strategy is noauth, requests for other host names are '
        'rejected, which prevents DNS rebinding. IP addresses are always '
        'allowed.',
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of this module."""
    conf.register_opts(OPTS, GROUP)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return the options of this module by their section."""
    return [(GROUP, OPTS)]
