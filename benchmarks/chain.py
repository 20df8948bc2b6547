# SPDX-License-Identifier: Apache-2.0

"""Path of a reading: agent, RabbitMQ, collector, PostgreSQL, and the API.

All are real processes with the options of an installation. The agent reads
dummy wattmeters, so that no device is waited for.
"""

import collections.abc
import contextlib
import pathlib
import tempfile
import types
import typing

import requests
import sqlalchemy as sa

from benchmarks import processes
from energy_meter.db import schema
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq

#: Outlets of each wattmeter, a usual PDU.
OUTLETS = 48
#: Maximum seconds until each probe has energy in the database.
_START_TIMEOUT_S = 120.0
#: Maximum seconds until what was published is merged.
_DRAIN_TIMEOUT_S = 300.0
_HTTP_TIMEOUT_S = 30

#: Options of an installation, where those of the tests differ.
_DEFAULTS: dict[str, dict[str, object]] = {
    'agent': {'publish_interval': 1, 'checkpoint_interval': 10},
    'collector': {'flush_interval': 2},
}


#: Settings of PostgreSQL that no option changes.
DEFAULTS: collections.abc.Mapping[str, str] = types.MappingProxyType({})


class Sums(typing.NamedTuple):
    """All of the probes together.

    :ivar probes: number of probes with energy.
    :ivar millijoules: energy of all registers.
    """

    probes: int
    millijoules: int


class Chain:
    """All processes between a reading and the database.

    :param probes: number of probes, on wattmeters with :data:`OUTLETS` each.
    :param interval: seconds between two readings of a probe.
    :param with_api: whether to start the API, too.
    :param agents: number of agents, which share the probes.
    :param settings: of PostgreSQL, where they differ from its defaults.
    :ivar programs: the processes by name.
    :ivar agents: names of the agents among them.
    :ivar engine: connects to the database.
    """

    def __init__(
        self,
        probes: int,
        interval: float,
        with_api: bool = False,
        agents: int = 1,
        settings: collections.abc.Mapping[str, str] = DEFAULTS,
    ) -> None:
        self.probes = probes
        self._interval = interval
        self._with_api = with_api
        self._settings = settings
        self.agents = [
            'agent' if number == 1 else f'agent-{number}'
            for number in range(1, agents + 1)
        ]
        self._stack = contextlib.ExitStack()
        self._ports = {
            name: base.free_port()
            for name in (*self.agents, 'collector', 'API')
        }
        self.programs: dict[str, base.Process] = {}

    def __enter__(self) -> typing.Self:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _start(self, stack: contextlib.ExitStack) -> None:
        broker = stack.enter_context(rabbitmq.RabbitMQ())
        database = postgresql.PostgreSQL()
        for name, value in self._settings.items():
            database.argv += ['-c', f'{name}={value}']
        stack.enter_context(database)
        self._url = database.create_database()
        self.engine = sa.create_engine(self._url)
        stack.callback(self.engine.dispose)
        directory = pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory())
        )
        self.programs = {'RabbitMQ': broker, 'PostgreSQL': database}
        self._configurations = {
            name: self._configure(directory / name, broker.url, port)
            for name, port in self._ports.items()
        }
        collecting = self._configurations['collector']
        collecting.run('energy-meter-manage', 'db', 'sync')
        self.programs['collector'] = stack.enter_context(
            commands.collector(collecting)
        )
        if self._with_api:
            self._start_api(stack)
        self._start_agents(stack)

    def _configure(
        self, directory: pathlib.Path, broker: str, port: int
    ) -> commands.Configuration:
        directory.mkdir()
        return commands.Configuration(
            directory,
            DEFAULT={
                'transport_url': broker,
                'state_path': directory / 'state',
            },
            database={'connection': self._url},
            metrics={'port': port},
            **_DEFAULTS,
        )

    def _start_api(self, stack: contextlib.ExitStack) -> None:
        configuration = self._configurations['API']
        port = base.free_port()
        configuration.set('api', port=port)
        self.api = f'http://127.0.0.1:{port}/v1'
        self.programs['API'] = stack.enter_context(
            commands.Command(configuration, 'energy-meter-api', 'Serving')
        )

    def _start_agents(self, stack: contextlib.ExitStack) -> None:
        names = [f'probe-{number:05}' for number in range(self.probes)]
        pdus = [
            names[start : start + OUTLETS]
            for start in range(0, len(names), OUTLETS)
        ]
        for number, agent in enumerate(self.agents):
            configuration = self._configurations[agent]
            configuration.set('agent', name=agent)
            for pdu in range(number, len(pdus), len(self.agents)):
                configuration.add_dummy(
                    f'pdu-{pdu:04}', *pdus[pdu], interval=self._interval
                )
            self.programs[agent] = stack.enter_context(
                commands.agent(configuration)
            )
        base.wait_for(
            lambda: self.sums().probes == self.probes,
            _START_TIMEOUT_S,
            'energy of all probes',
        )

    def sums(self) -> Sums:
        """Return what the database has of all registers."""
        register = schema.register.c
        query = sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(register.millijoules), 0),
        ).where(register.elapsed > 0)
        with self.engine.connect() as connection:
            probes, millijoules = connection.execute(query).one()
        return Sums(probes, int(millijoules))

    def counted(self, name: str, counter: str) -> float:
        """Return a counter of a service, without its labels.

        :param name: name of the service.
        :param counter: without prefix and suffix.
        """
        response = requests.get(
            f'http://127.0.0.1:{self._ports[name]}/metrics',
            timeout=_HTTP_TIMEOUT_S,
        )
        response.raise_for_status()
        wanted = f'energy_meter_{counter}_total'
        return sum(
            float(line.rpartition(' ')[2])
            for line in response.text.splitlines()
            if line.startswith((f'{wanted} ', f'{wanted}{{'))
        )

    def usages(self) -> dict[str, processes.Usage]:
        """Return what each program used so far."""
        return processes.usages(self.programs)

    def verify(self) -> None:
        """Stop the agents, and verify that all of their energy was merged.

        :raises AssertionError: if the database has other energy than the
            registers of the agents.
        """
        for name in self.agents:
            self.programs[name].stop()
        metered = sum(
            sum(self._configurations[name].registers().values())
            for name in self.agents
        )
        base.wait_for(
            lambda: self.sums() == Sums(self.probes, metered),
            _DRAIN_TIMEOUT_S,
            f'{metered} mJ of {self.probes} probes to be merged',
        )
