# SPDX-License-Identifier: Apache-2.0

"""energy-meter-standalone: all services in one process, without setup."""

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
from energy_meter.cmd import agent
from energy_meter.cmd import check
from energy_meter.cmd import service
from energy_meter.collector import service as collector_service
from energy_meter.conf import energy_api
from energy_meter.db import engine
from energy_meter.db import migration

_PROG = 'energy-meter-standalone'
_DESCRIPTION = (
    'Run agent, collector, API and graph pages in one process, with an '
    'SQLite database and without RabbitMQ and Keystone. Without a '
    'configuration file, a simulated rack is metered.'
)
_OPTS = [
    *check.OPTS,
    cfg.StrOpt(
        'state-path',
        # [DEFAULT] state_path of a configuration file is ignored.
        dest='standalone_state_path',
        help='Directory of the database, the RRD files and the identity of '
        'the agent. The default is $XDG_DATA_HOME/energy_meter or '
        '~/.local/share/energy_meter.',
    ),
]
#: Other users must not read the data. The units of systemd set the same.
_UMASK = 0o027
#: Messages do not leave the process, so the secret need not be known.
_SECRET = secrets.token_hex()
_DUMMY_CONFIGURATION = pathlib.Path(energy_meter_conf.__file__).with_name(
    'standalone.conf'
)


def main() -> None:
    """Create or migrate the database, and run the services."""
    # Before the first file, the log. An existing directory can be readable by
    # all users.
    os.umask(_UMASK | os.umask(_UMASK))
    try:
        conf = load()
    except exception.EnergyMeterError as error:
        sys.exit(f'{_PROG}: {error}')
    if conf.check:
        result = check.Check(conf)
        result.attempt(app.API)
        sys.exit(result.finish({}, agent.inspect(conf, result)))
    database = engine.connect(conf)
    migration.sync(database)
    database.dispose()
    service.run(conf, lambda: _services(conf), lambda: _announce(conf))


def _announce(conf: cfg.ConfigOpts) -> None:
    """Print the addresses and the directory of the data."""
    graphs = (
        f'{_url(conf.rrd)}/'
        if rrd.is_installed()
        else 'rrdtool is not installed (pip install energy-meter[rrd])'
    )
    print(
        f'Probes:  {_url(conf.api)}/v1/probes/\n'
        f'Graphs:  {graphs}\n'
        f'Data:    {conf.state_path}\n'
        'Press Ctrl-C to stop; the data is kept.',
        flush=True,
    )


def _url(options: cfg.ConfigOpts.GroupAttr) -> str:
    host = options.bind_host
    return f'http://{f"[{host}]" if ":" in host else host}:{options.port}'


def load(
    read: collections.abc.Callable[..., cfg.ConfigOpts] = service.load,
) -> cfg.ConfigOpts:
    """Return the configuration, adapted to a single process.

    :param read: :func:`service.load` at startup, :func:`service.read` to
        reload.
    :raises StateUnusable: if the state directory is not usable.
    """
    conf = read(_PROG, _DESCRIPTION, _OPTS, files=[str(_DUMMY_CONFIGURATION)])
    directory = pathlib.Path(
        conf.standalone_state_path
        or os.path.join(
            os.environ.get('XDG_DATA_HOME')
            or os.path.expanduser('~/.local/share'),
            'energy_meter',
        )
    ).resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise exception.StateUnusable(
            path=directory, reason=error.strerror
        ) from None
    if not os.access(directory, os.W_OK | os.X_OK):
        raise exception.StateUnusable(
            path=directory, reason='not writable by this user'
        )
    conf.set_override('state_path', str(directory))
    conf.set_override('transport_url', 'fake://')
    conf.set_override('sources', [], 'bus')
    conf.set_override('secrets', [_SECRET], 'bus')
    conf.set_override(
        'connection', f'sqlite:///{directory}/energy_meter.sqlite', 'database'
    )
    conf.set_override('auth_strategy', 'noauth', 'api')
    # The pages show the energy of this API, whatever the file says.
    conf.set_override('auth_type', 'none', energy_api.GROUP)
    conf.set_override('auth_section', None, energy_api.GROUP)
    conf.set_override('endpoint_override', _url(conf.api), energy_api.GROUP)
    return conf


def _services(conf: cfg.ConfigOpts) -> list[oslo_service.ServiceBase]:
    # Servers first, so that a port in use is detected before metering starts.
    reload = functools.partial(load, service.read)
    return [
        app.API(conf),
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

    return [pages.serve(conf), rrd_service.RRD(conf, reload)]
