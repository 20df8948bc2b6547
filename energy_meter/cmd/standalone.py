# SPDX-License-Identifier: Apache-2.0

"""energy-meter-standalone: everything in one process, nothing to set up."""

import collections.abc
import functools
import os
import pathlib
import secrets
import sys

from oslo_config import cfg
from oslo_service import service as oslo_service

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter import rrd
from energy_meter.agent import service as agent_service
from energy_meter.api import app
from energy_meter.cmd import service
from energy_meter.collector import service as collector_service
from energy_meter.db import engine
from energy_meter.db import migration

_PROG = 'energy-meter-standalone'
_DESCRIPTION = (
    'Run agent, collector, API and graphs in one process, without RabbitMQ '
    'and Keystone, on an SQLite database. Without a configuration file two '
    'dummy probes are metered.'
)
_OPTS = [
    cfg.StrOpt(
        'data-dir',
        help='Where energy and identity are kept. The default is '
        '$XDG_DATA_HOME/energy_meter or '
        '~/.local/share/energy_meter.',
    ),
]
#: Nothing leaves the process, so any secret will do.
_SECRET = secrets.token_hex()
_DUMMIES = pathlib.Path(energy_meter_conf.__file__).with_name(
    'standalone.conf'
)


def main() -> None:
    try:
        conf = load()
    except exception.EnergyMeterError as error:
        sys.exit(f'{_PROG}: {error}')
    database = engine.connect(conf)
    migration.sync(database)
    database.dispose()
    graphs = (
        f'open {_url(conf.rrd)}/'
        if rrd.is_installed()
        else 'none: rrdtool is not installed (pip install energy-meter[rrd])'
    )
    print(
        f'Probes:  {_url(conf.api)}/v1/probes/\n'
        f'Graphs:  {graphs}\n'
        f'Data:    {conf.state_path}\n'
        'Ctrl-C ends it; the energy is kept.',
        flush=True,
    )
    service.run(conf, lambda: _services(conf))


def _url(options: cfg.ConfigOpts.GroupAttr) -> str:
    host = options.bind_host
    return f'http://{f"[{host}]" if ":" in host else host}:{options.port}'


def load(
    read: collections.abc.Callable[..., cfg.ConfigOpts] = service.load,
) -> cfg.ConfigOpts:
    """Read the configuration and make it fit for one process.

    :raises StateUnusable: when the directory for data can't be used.
    """
    conf = read(_PROG, _DESCRIPTION, _OPTS, files=[str(_DUMMIES)])
    directory = pathlib.Path(
        conf.data_dir
        or os.path.join(
            os.environ.get('XDG_DATA_HOME')
            or os.path.expanduser('~/.local/share'),
            'energy_meter',
        )
    ).resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o750)
    except OSError as error:
        raise exception.StateUnusable(
            path=directory, reason=error.strerror
        ) from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise exception.StateUnusable(
            path=directory, reason='this user may not write there'
        )
    conf.set_override('state_path', str(directory))
    conf.set_override('transport_url', 'fake://')
    conf.set_override('sources', [], 'bus')
    conf.set_override('secrets', [_SECRET], 'bus')
    conf.set_override(
        'connection', f'sqlite:///{directory}/energy_meter.sqlite', 'database'
    )
    conf.set_override('auth_strategy', 'noauth', 'api')
    return conf


def _services(conf: cfg.ConfigOpts) -> list[oslo_service.ServiceBase]:
    # Servers first: a port that is taken shows before anything is metered.
    reload = functools.partial(load, service.read)
    return [
        app.serve(conf),
        *_graphs(conf, reload),
        collector_service.Collector(conf, reload),
        agent_service.Agent(conf, reload),
    ]


def _graphs(
    conf: cfg.ConfigOpts,
    reload: collections.abc.Callable[[], cfg.ConfigOpts],
) -> list[oslo_service.ServiceBase]:
    if not rrd.is_installed():
        return []
    from energy_meter.rrd import service as rrd_service
    from energy_meter.rrd.pages import app as pages

    return [pages.serve(conf), rrd_service.Recorder(conf, reload)]
