# SPDX-License-Identifier: Apache-2.0

"""Installation into which faults are injected: one process for each part."""

import collections.abc
from concurrent import futures
import itertools
import pathlib
import shutil
import time

import fixtures

from energy_meter import measurement
from energy_meter.tests.functional.services import agent_state
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq

AGENTS = ('agent-1', 'agent-2')
COLLECTORS = ('collector-1', 'collector-2')
#: All services of energy_meter.
OURS = (*AGENTS, *COLLECTORS, 'rrd', 'api')

PROBES_PER_AGENT = 5
#: Power of each meter.
WATTS = 100.0
#: A counter of that power, whose readings are plausible even if the agent did
#: not run for a moment between two looks at a clock.
_METER: dict[str, object] = {
    'energy': 'counter',
    'min_watts': 0,
    'max_watts': 2 * WATTS,
}
#: Seconds between two publications of an agent.
PUBLISH_INTERVAL = 0.2
#: Clocks are wrong by whole hours, which cannot be the delay of a message.
HOUR = 3600.0


def other(agent: str) -> str:
    """Return the other one of the two agents."""
    return AGENTS[1 - AGENTS.index(agent)]


class Peers(fixtures.Fixture):
    """Broker and database server shared by several installations.

    Each starts when it is first used.
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
    """Two agents, RabbitMQ, two collectors, PostgreSQL, RRD plugin and API.

    Before the services start, ``prepare`` may replace the broker, the
    database and the buses, and change configurations.

    :param prepare: called with the installation.
    :ivar processes: services by name, with ``broker`` and ``database``.
    :ivar agents: configuration of each agent, by name.
    :ivar probes: names of the probes of each agent.
    :ivar site: configuration of all other services.
    :ivar agent_bus: URL of the bus to which agents publish.
    :ivar reader_bus: URL of the bus that the other services read.
    :ivar by_socket: whether to connect to the database through its Unix
        socket.
    :ivar url: URL of the database.
    :ivar api_port: port of the API.
    :ivar since: monotonic time at which each agent was first started.
    :ivar until: monotonic time at which each agent was finally stopped.
    :ivar deaths: wall-clock time at which the agent of a register was killed.
    :ivar finals: measurements of registers in states that were replaced.
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
        self.deaths: dict[measurement.RegisterKey, float] = {}
        self.finals: list[measurement.Measurement] = []

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
        """Add a meter to an agent.

        :param probes: number of its probes.
        :param options: options that differ from the default meter.
        """
        names = [f'{agent}-{meter}-{number}' for number in range(probes)]
        self.probes[agent] += names
        self.agents[agent].add_dummy(
            meter,
            *names,
            **{**_METER, **options},
        )

    def add_standby(self, agent: str) -> None:
        """Make an agent meter the other agent's probes instead of its own."""
        self.agents[agent].remove('wattmeter:meter')
        self.agents[agent].add_dummy(
            'standby',
            *self.probes[other(agent)],
            **_METER,
        )
        self.probes[agent] = self.probes[other(agent)]

    def _configure(self, name: str) -> commands.Configuration:
        directory = self._directory / name
        directory.mkdir()
        configuration = commands.Configuration(
            directory,
            agent={
                'name': name,
                'publish_interval': PUBLISH_INTERVAL,
                'clock': 'synced',
            },
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
            self.site, 'energy-meter-api', 'Serving the API'
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
        # Start them in parallel, as each takes seconds. Keep the threads: a
        # process ends with the thread that started it.
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
        """Return the probes of all agents, sorted."""
        return sorted(set(itertools.chain(*self.probes.values())))

    def shared_probes(self) -> set[str]:
        """Return the probes that both agents meter."""
        return set.intersection(*map(set, self.probes.values()))

    def state(self, agent: str) -> pathlib.Path:
        """Return the state directory of an agent."""
        return self.agents[agent].directory / 'state'

    def newest(self, agent: str) -> measurement.Measurement:
        """Return the measurement in its checkpoint that was made last."""
        return max(
            agent_state.open_registers(self.state(agent)),
            key=lambda each: each.timestamp,
        )

    def replace_state(self, agent: str, source: pathlib.Path | None) -> None:
        """Replace the state of an agent that is stopped.

        :param source: state directory to copy; None for an empty state.
        """
        self.finals += agent_state.saved(self.state(agent)).values()
        shutil.rmtree(self.state(agent))
        if source is None:
            self.state(agent).mkdir()
        else:
            shutil.copytree(source, self.state(agent))

    def kill(self, name: str) -> None:
        """Kill a process with SIGKILL."""
        if name in AGENTS:
            now = time.time()
            for each in agent_state.open_registers(self.state(name)):
                self.deaths[each.register] = now
        self.processes[name].kill()

    def stop_agents(self) -> None:
        """Stop the agents gracefully and for good."""
        for name in AGENTS:
            self.until[name] = time.monotonic()
            self.processes[name].stop()

    def spans(self) -> dict[str, float]:
        """Return the seconds for which each probe was metered."""
        return {
            probe: max(self.until[name] for name in names)
            - min(self.since[name] for name in names)
            for probe in self.all_probes()
            if (names := [n for n in AGENTS if probe in self.probes[n]])
        }

    def is_stalled(self) -> bool:
        """Check that billed energy stays constant for several publications."""
        before = commands.energy(self.url)
        time.sleep(5 * PUBLISH_INTERVAL)
        return commands.energy(self.url) == before
