# SPDX-License-Identifier: Apache-2.0

"""The installation that faults strike: every part a process of its own."""

import collections.abc
from concurrent import futures
import itertools
import json
import pathlib
import time

import fixtures

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq

AGENTS = ('agent-1', 'agent-2')
COLLECTORS = ('collector-1', 'collector-2')
#: All that is ours.
OURS = (*AGENTS, *COLLECTORS, 'rrd', 'api')

PROBES_PER_AGENT = 5
#: Power of every meter.
WATTS = 100.0
#: Seconds between two publications of an agent.
PUBLISH_INTERVAL = 0.2


class Peers(fixtures.Fixture):
    """The broker and the database server that several installations use.

    Each is started by the first that needs it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._broker: rabbitmq.RabbitMQ | None = None
        self._database: postgresql.PostgreSQL | None = None

    @property
    def broker(self) -> rabbitmq.RabbitMQ:
        if self._broker is None:
            self._broker = self.useFixture(rabbitmq.RabbitMQ())
        return self._broker

    @property
    def database(self) -> postgresql.PostgreSQL:
        if self._database is None:
            self._database = self.useFixture(postgresql.PostgreSQL())
        return self._database


class Installation(fixtures.Fixture):
    """Two agents, RabbitMQ, two collectors, PostgreSQL, RRD plugin, API.

    Before anything of ours is started, ``prepare`` may give it another
    broker or database, other buses, and change configurations.

    :param prepare: is handed the installation.
    :ivar processes: by name, the services of ours, and ``broker`` and
        ``database``.
    :ivar agents: by name, the configurations of the agents.
    :ivar probes: by agent, the names of its probes.
    :ivar site: the configuration of all others.
    :ivar agent_bus: URL of the bus that agents publish to.
    :ivar reader_bus: URL of the bus that the others read.
    :ivar by_socket: whether the database is reached by its socket of the
        file system.
    :ivar url: of the database.
    :ivar api_port: on which the API listens.
    :ivar since: by agent, when it was first started (monotonic clock).
    :ivar until: by agent, when it was stopped for good.
    :ivar deaths: when (wall clock) an agent, by uuid and incarnation, was
        killed.
    """

    def __init__(
        self,
        peers: Peers,
        prepare: collections.abc.Callable[['Installation'], None],
    ) -> None:
        super().__init__()
        self.peers = peers
        self._prepare = prepare
        self.broker: rabbitmq.RabbitMQ | None = None
        self.database: postgresql.PostgreSQL | None = None
        self.agent_bus = self.reader_bus = ''
        self.by_socket = False
        self.processes: dict[str, base.Process] = {}
        self.probes: dict[str, list[str]] = {name: [] for name in AGENTS}
        self.since: dict[str, float] = {}
        self.until: dict[str, float] = {}
        self.deaths: dict[tuple[str, int], float] = {}

    def _setUp(self) -> None:
        self._directory = pathlib.Path(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        )
        self.api_port = base.free_port()
        self.site = self._configure('site')
        self.site.set('rrd', port=base.free_port(), flush_interval=0.5)
        self.site.set('api', port=self.api_port)
        self.agents = {name: self._configure(name) for name in AGENTS}
        for name in AGENTS:
            self.add_meter(name, 'meter', PROBES_PER_AGENT)
        self._describe()
        self._prepare(self)
        self._connect()
        self._start()

    def add_meter(
        self, agent: str, meter: str, probes: int, **options: object
    ) -> None:
        """Give an agent a meter.

        :param probes: how many it has.
        :param options: other than those of all meters.
        """
        names = [f'{agent}-{meter}-{number}' for number in range(probes)]
        self.probes[agent] += names
        self.agents[agent].add_dummy(
            meter,
            *names,
            **{
                'energy': 'counter',
                'min_watts': WATTS,
                'max_watts': WATTS,
                **options,
            },
        )

    def _configure(self, name: str) -> commands.Configuration:
        directory = self._directory / name
        directory.mkdir()
        configuration = commands.Configuration(
            directory,
            agent={'name': name, 'publish_interval': PUBLISH_INTERVAL},
        )
        (directory / 'state').mkdir()
        return configuration

    def _describe(self) -> None:
        for name in AGENTS:
            self.processes[name] = commands.agent(self.agents[name])
        for name in COLLECTORS:
            self.processes[name] = commands.collector(self.site)
        self.processes['rrd'] = commands.Command(
            self.site, 'energy-meter-rrd', 'Reading the bus'
        )
        self.processes['api'] = commands.Command(
            self.site, 'energy-meter-api', 'listens on'
        )

    def _connect(self) -> None:
        self.processes['broker'] = self.broker = (
            self.broker or self.peers.broker
        )
        self.processes['database'] = self.database = (
            self.database or self.peers.database
        )
        if not self.reader_bus:
            self.agent_bus = self.reader_bus = self.broker.add_vhost()
        self.url = self.database.create_database()
        self.site.set('DEFAULT', transport_url=self.reader_bus)
        self.site.set(
            'database',
            connection=(
                self.database.socket_url(self.url)
                if self.by_socket
                else self.url
            ),
        )
        for configuration in self.agents.values():
            configuration.set('DEFAULT', transport_url=self.agent_bus)
        self.site.run('energy-meter-manage', 'db', 'sync')

    def _start(self) -> None:
        # Each takes seconds, hence at once; and ends when the thread ends
        # that started it, hence the threads stay.
        pool = futures.ThreadPoolExecutor()
        self.addCleanup(pool.shutdown)
        for group in ((*COLLECTORS, 'rrd', 'api'), AGENTS):
            list(
                pool.map(
                    self.useFixture, [self.processes[name] for name in group]
                )
            )
        self.since = dict.fromkeys(AGENTS, time.monotonic())

    def all_probes(self) -> list[str]:
        """Name the probes of all agents, sorted."""
        return sorted(itertools.chain.from_iterable(self.probes.values()))

    def kill(self, name: str) -> None:
        """Kill a process, as kill -9 does."""
        if name in AGENTS:
            identity = json.loads(
                (
                    self.agents[name].directory / 'state' / 'agent.json'
                ).read_text()
            )
            self.deaths[identity['uuid'], identity['incarnation']] = (
                time.time()
            )
        self.processes[name].kill()

    def stop_agents(self) -> None:
        """Let the agents end in good order: the metering is over."""
        for name in AGENTS:
            self.until[name] = time.monotonic()
            self.processes[name].stop()

    def spans(self) -> dict[str, float]:
        """Tell for how many seconds there was a meter for each probe."""
        return {
            probe: self.until[name] - self.since[name]
            for name in AGENTS
            for probe in self.probes[name]
        }

    def stands_still(self) -> bool:
        """Tell whether nothing is billed, for as long as agents would
        publish several times.
        """
        before = commands.energy(self.url)
        time.sleep(5 * PUBLISH_INTERVAL)
        return commands.energy(self.url) == before
