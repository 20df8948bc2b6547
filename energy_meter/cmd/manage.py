# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""energy-meter-manage: sets up the database and Keystone, keeps accounts."""

import argparse
import collections.abc
import datetime
import getpass
import sys

from oslo_config import cfg
from oslo_db import exception as db_exception
import prettytable
import sqlalchemy as sa

from energy_meter import exception
from energy_meter import gnocchi
from energy_meter import keystone
from energy_meter import rrd
from energy_meter.cmd import service
from energy_meter.collector import administration
from energy_meter.collector import agents
from energy_meter.db import engine as db_engine
from energy_meter.db import migration
from energy_meter.db import probes
from energy_meter.db import sums

_PROG = 'energy-meter-manage'
_DESCRIPTION = 'Set up and look after an installation of energy_meter.'

#: Shows every probe, however long ago it was heard of.
_FOREVER = float(2 ** 40)


def main() -> None:
    conf = service.load(_PROG, _DESCRIPTION, [cfg.SubCommandOpt(
        'command', title='commands', handler=_add_commands,
        help='What to do; each has a --help of its own.')])
    try:
        conf.command.run(conf)
    except exception.EnergyMeterError as error:
        sys.exit(f'{_PROG}: {error}')
    except db_exception.DBNonExistentTable:
        sys.exit(f'{_PROG}: the database has no tables: run {_PROG} db sync')
    except (db_exception.DBError, sa.exc.SQLAlchemyError) as error:
        # Its text has the statement and maybe the URL.
        sys.exit(f'{_PROG}: the database can not be used '
                 f'({type(error).__name__}): see [database] connection, and '
                 'whether the server runs')


_Run = collections.abc.Callable[[cfg.ConfigOpts], None]


def _add_commands(subparsers: 'argparse._SubParsersAction[argparse.'
                  'ArgumentParser]') -> None:
    areas = {name: subparsers.add_parser(name, help=text, description=text)
             .add_subparsers(required=True, metavar='ACTION')
             for name, text in (('db', 'The schema of the database.'),
                                ('register', 'The registers of probes.'),
                                ('probe', 'The probes.'),
                                ('agent', 'The agents.'),
                                ('keystone', 'The entries in Keystone.'),
                                ('gnocchi', 'Gnocchi as Ceilometer\'s store.'),
                                ('rrd', 'The files of the RRD plugin.'))}

    def add(area: str, name: str, run: _Run,
            text: str) -> argparse.ArgumentParser:
        parser = areas[area].add_parser(name, help=text, description=text)
        parser.set_defaults(run=run)
        return parser

    add('db', 'sync', _db_sync, 'Bring the database to this release.')
    add('db', 'version', _db_version, 'Show the revision of the database.')
    add('register', 'list', _register_list, 'List all registers.')
    _add_probe(add('register', 'show', _register_show,
                   'Show the registers of one probe.'))
    parser = add('register', 'void', _register_void,
                 'Strike a register: its energy is taken off the probe, and '
                 'later words of it are refused. There is no way back.')
    _add_probe(parser)
    _add_agent(parser)
    parser.add_argument('register', help='its id, 16 hexadecimal digits')
    add('probe', 'list', _probe_list, 'List all probes, silent ones too.')
    _add_probe(add('probe', 'forget', _probe_forget,
                   'Delete a probe that is not metered any longer, and its '
                   'energy. There is no way back.'))
    add('agent', 'list', _agent_list, 'List all agents.')
    _add_agent(add('agent', 'exclude', _agent_exclude,
                   'Void all registers of an agent, as "register void" does, '
                   'and refuse whatever else it says. What is void stays so.'))
    _add_agent(add('agent', 'readmit', _agent_readmit,
                   'Believe an excluded agent again.'))
    _add_keystone_register(add(
        'keystone', 'register', _keystone_register,
        'Make user, service and endpoints. Log in as an administrator by the '
        'OS_* variables or OS_CLOUD; the password of the new user is taken '
        f'from {keystone.PASSWORD_VARIABLE} or asked for.'))
    add('gnocchi', 'setup', _gnocchi_setup,
        'Make the archive policies and the resource type under which '
        'Ceilometer stores probes. Log in as an administrator by the OS_* '
        'variables or OS_CLOUD.')
    add('gnocchi', 'check', _gnocchi_check,
        'Find probes that Gnocchi can not tell apart.')
    add('rrd', 'migrate', _rrd_migrate,
        'Make all RRD files as [rrd] step, max_gap and archives say, and '
        'keep what they hold. Stop energy-meter-rrd first.')


def _add_probe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('probe', help='id of the probe')


def _add_agent(parser: argparse.ArgumentParser) -> None:
    # oslo.config gives no argument that is named as a section.
    parser.add_argument('agent_uuid', metavar='agent',
                        help='uuid of the agent')


def _add_keystone_register(parser: argparse.ArgumentParser) -> None:
    account = keystone.Account()
    parser.add_argument('--url', required=True,
                        help='URL of the API, such as http://controller:8878')
    for interface in keystone.INTERFACES:
        parser.add_argument(f'--{interface}-url',
                            help=f'URL of the {interface} endpoint, if it is '
                                 'another')
    parser.add_argument('--region', help='region of the endpoints')
    parser.add_argument('--user', default=account.user,
                        help='user as whom the API logs in '
                             '(default: %(default)s)')
    parser.add_argument('--project', default=account.project,
                        help='project of that user (default: %(default)s)')


def _db_sync(conf: cfg.ConfigOpts) -> None:
    engine = db_engine.connect(conf)
    before = migration.version(engine)
    migration.sync(engine)
    after = migration.version(engine)
    print(f'Revision {after}' if before == after
          else f'Revision {before or "none"} -> {after}')


def _db_version(conf: cfg.ConfigOpts) -> None:
    found = migration.version(db_engine.connect(conf))
    print(f'Revision {found or "none"}; this release needs '
          f'{migration.head()}')


def _register_list(conf: cfg.ConfigOpts, probe: str | None = None) -> None:
    table = prettytable.PrettyTable(
        ['probe', 'role', 'kWh', 'overlap kWh', 'pending kWh', 'coverage',
         'last moved', 'agent', 'register', 'incarnation'])
    with db_engine.connect(conf).begin() as connection:
        for item in administration.list_registers(connection, probe):
            table.add_row([
                item.probe, item.role, _kwh(item.millijoules),
                _kwh(item.overlap), _kwh(item.pending),
                f'{item.coverage:.4f}', _time(item.heard_at), item.agent,
                item.register, item.incarnation])
    _print(table)


def _register_show(conf: cfg.ConfigOpts) -> None:
    _register_list(conf, conf.command.probe)


def _register_void(conf: cfg.ConfigOpts) -> None:
    command = conf.command
    with db_engine.connect(conf).begin() as connection:
        struck = administration.void(connection, command.probe,
                                     command.agent_uuid, command.register,
                                     getpass.getuser())
    print(f'Register {command.register} is void: probe {command.probe} fell '
          f'by {_kwh(struck)} kWh. If an agent still keeps this register, '
          'restart it: it opens a new one')


def _probe_list(conf: cfg.ConfigOpts) -> None:
    table = prettytable.PrettyTable(
        ['probe', 'kWh', 'W', 'measured', 'coverage', 'scope', 'host',
         'wattmeter'])
    with db_engine.connect(conf).begin() as connection:
        for item in probes.list_states(connection, _FOREVER):
            table.add_row([
                item.id, f'{item.kwh:.6f}',
                '-' if item.watts is None else f'{item.watts:.1f}',
                _time(item.timestamp), f'{item.coverage:.4f}', item.scope,
                item.host, item.wattmeter])
    _print(table)


def _probe_forget(conf: cfg.ConfigOpts) -> None:
    probe = conf.command.probe
    with db_engine.connect(conf).begin() as connection:
        millijoules = administration.forget(connection, probe,
                                            getpass.getuser())
    print(f'Probe {probe} and its {_kwh(millijoules)} kWh are gone')


def _agent_list(conf: cfg.ConfigOpts) -> None:
    table = prettytable.PrettyTable(
        ['name', 'agent', 'probes', 'last heard', 'excluded'])
    with db_engine.connect(conf).begin() as connection:
        for item in agents.list_agents(connection):
            table.add_row([
                item.name or '-', item.agent, item.probes,
                *('-' if moment is None else _time(moment)
                  for moment in (item.heard_at, item.excluded_at))])
    _print(table)


def _agent_exclude(conf: cfg.ConfigOpts) -> None:
    agent = conf.command.agent_uuid
    struck = agents.exclude(db_engine.connect(conf), agent,
                            getpass.getuser())
    for probe, millijoules in struck.items():
        print(f'Probe {probe} fell by {_kwh(millijoules)} kWh')
    print(f'Agent {agent} is excluded. Whoever knows its secret may come '
          'back under another uuid: change the secret, too')


def _agent_readmit(conf: cfg.ConfigOpts) -> None:
    agent = conf.command.agent_uuid
    with db_engine.connect(conf).begin() as connection:
        agents.readmit(connection, agent, getpass.getuser())
    print(f'Agent {agent} is believed again. Restart it: it opens new '
          'registers, as the former ones stay void')


def _keystone_register(conf: cfg.ConfigOpts) -> None:
    command = conf.command
    urls = {interface: getattr(command, f'{interface}_url') or command.url
            for interface in keystone.INTERFACES}
    keystone.register(
        keystone.connect(), urls, command.region,
        keystone.Account(command.user, command.project))


def _gnocchi_setup(conf: cfg.ConfigOpts) -> None:
    if not gnocchi.setup(keystone.connect()):
        sys.exit(f'{_PROG}: Gnocchi has the above otherwise than this release '
                 'makes it. It is left as it is')


def _gnocchi_check(conf: cfg.ConfigOpts) -> None:
    with db_engine.connect(conf).begin() as connection:
        ids = {*probes.list_ids(connection, _FOREVER),
               *(item.id for item in sums.list_states(connection, _FOREVER))}
    collisions = list(gnocchi.collisions(ids))
    for resource, group in collisions:
        print(f'{" and ".join(group)} would share the resource {resource}')
    if collisions:
        sys.exit(f'{_PROG}: rename all but one: Gnocchi would mix their '
                 'measures')
    print(f'{len(ids)} probes, each a resource of its own')


def _rrd_migrate(conf: cfg.ConfigOpts) -> None:
    if not rrd.is_installed():
        sys.exit(f'{_PROG}: {rrd.NOT_INSTALLED}')
    import tqdm

    from energy_meter.rrd import migration
    outcome = migration.migrate(
        conf, lambda paths: tqdm.tqdm(paths, unit='file'))
    print(f'{outcome.rewritten} files rewritten')
    for path, reason in outcome.failures.items():
        print(f'{path} stays as it is: {reason}', file=sys.stderr)
    if outcome.failures:
        sys.exit(1)


def _kwh(millijoules: int) -> str:
    return f'{millijoules / probes.MILLIJOULES_PER_KWH:.6f}'


def _time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime('%Y-%m-%dT%H:%M:%SZ')


def _print(table: prettytable.PrettyTable) -> None:
    table.align = 'l'
    for name in ('kWh', 'overlap kWh', 'pending kWh', 'W'):
        table.align[name] = 'r'
    print(table)
