# SPDX-License-Identifier: Apache-2.0

"""What sites need, computed from the figures."""

import collections.abc
import math
import typing

from benchmarks.growth import figures

#: Maximum number of probes of one agent. ``[collector] max_agent_probes`` has
#: some more by default, for those that have been replaced.
MAX_AGENT_PROBES = 10_000
#: Part of a core that a process uses at most; the rest is a reserve.
LOAD = 0.5
#: Sites of the documentation: probes, and seconds between two readings.
SITES = ((1000, 1.0), (20_000, 1.0), (200_000, 1.0), (200_000, 10.0))
#: Marks of a probe: one for each quarter-hour of 30 days.
_MARKS = 96 * 30
_DAYS = 365
#: Seconds between two checkpoints of PostgreSQL, by default.
_CHECKPOINT_S = 300
#: Connections of a process, ``[database] max_pool_size``.
_POOL = 5


class Site(typing.NamedTuple):
    """A site, and the figures that its needs are computed from.

    CPU time is in cores, without a reserve; memory and sizes are in MiB.
    """

    probes: int
    interval: float
    load: figures.Load
    requests: figures.Requests
    points: figures.Points
    storage: figures.Storage

    @property
    def rate(self) -> float:
        """Measurements per second."""
        return self.probes / self.interval

    @property
    def agents(self) -> int:
        """Number of agents."""
        by_probes = math.ceil(self.probes / MAX_AGENT_PROBES)
        return max(processes(self.agent_cores), by_probes)

    @property
    def agent_cores(self) -> float:
        """Cores of all agents."""
        return self._cores(self.load.agent_us)

    @property
    def agent_mib(self) -> float:
        """Memory of all agents."""
        return self._grown(self.load.agent_mib)

    @property
    def collectors(self) -> int:
        """Number of collectors, one of them as a reserve."""
        return processes(self.collector_cores) + 1

    @property
    def collector_cores(self) -> float:
        """Cores of all collectors."""
        return self._cores(self.load.collector_us)

    @property
    def postgresql_cores(self) -> float:
        """Cores that PostgreSQL uses."""
        return self._cores(self.load.postgresql_us)

    @property
    def postgresql_size(self) -> int:
        """Cores that PostgreSQL should have."""
        return processes(self.postgresql_cores)

    @property
    def nodes(self) -> int:
        """Nodes of RabbitMQ, of which one may fail."""
        return 3

    @property
    def node_cores(self) -> float:
        """Cores of each node of RabbitMQ."""
        return self._cores(self.load.rabbitmq_us)

    @property
    def cores(self) -> float:
        """Cores of agents, collectors, database and broker together."""
        services = self.agent_cores + self.collector_cores
        return services + self.postgresql_cores + self.node_cores * self.nodes

    @property
    def rrd_cores(self) -> float:
        """Cores of energy-meter-rrd."""
        return self.rate / self.points.rate

    @property
    def api_processes(self) -> int:
        """Processes of the API, for one list of all probes each second."""
        cores = self.requests.changed_ms / 1000
        cores *= self.probes / self.requests.probes
        # One may wait for the database while another client asks.
        return max(2, processes(cores))

    @property
    def connections(self) -> int:
        """Connections to PostgreSQL, at most."""
        return (self.collectors + self.api_processes) * _POOL

    @property
    def hot_mib(self) -> float:
        """Size of the tables that each batch updates."""
        return self._grown(self.load.hot_mib)

    @property
    def max_wal(self) -> float:
        """Twice the size of the log between two checkpoints."""
        logged = self.rate * self.load.wal_bytes * _CHECKPOINT_S / 2**20
        return 2 * (logged + self.hot_mib)

    @property
    def marks_mib(self) -> float:
        """Size of the marks of 30 days."""
        return self.probes * _MARKS * self.storage.mark_bytes / 2**20

    @property
    def year_mib(self) -> float:
        """Size of the closed days of a year."""
        return self.probes * _DAYS * self.storage.day_bytes / 2**20

    @property
    def closing_s(self) -> float:
        """Seconds that one collector needs to close a day."""
        return self.storage.closing_s * self.probes / self.storage.probes

    def _cores(self, micros: float) -> float:
        """Return the cores for a CPU time in µs of each measurement."""
        return self.rate * micros / 1e6

    def _grown(self, size: float) -> float:
        """Return what grows in proportion to the probes of the load."""
        return size * self.probes / self.load.probes


def site(found: figures.Figures, probes: int, interval: float) -> Site:
    """Return a site with the figures that are nearest to it."""
    return Site(
        probes,
        interval,
        _similar(found, probes, interval),
        figures.nearest(found.requests, probes),
        figures.nearest(found.points, probes),
        figures.nearest(found.storage, probes),
    )


def processes(cores: float) -> int:
    """Return the number of processes, or cores, for this CPU time."""
    return max(1, math.ceil(cores / LOAD))


def _similar(
    found: figures.Figures, probes: int, interval: float
) -> figures.Load:
    """Return a load of this interval, with a similar number of probes."""
    return min(
        (load for load in (*found.loads, *found.full) if not load.waits),
        key=lambda load: (
            abs(math.log(load.interval / interval)),
            abs(math.log(load.probes / probes)),
        ),
    )


def table(found: figures.Figures) -> list[tuple[str, ...]]:
    """Return the table of the documentation: a column for each site."""
    sites = [site(found, *each) for each in SITES]
    return [
        (title, *(show(getattr(each, field)) for each in sites))
        for title, field, show in _ROWS
    ]


def _cores(cores: float) -> str:
    return f'{cores:.2g}' if cores < 10 else f'{cores:.0f}'


def _size(mib: float) -> str:
    """Return a size rounded up to two digits."""
    return f'{_up(mib)} MiB' if mib < 1000 else f'{_up(mib / 1024)} GiB'


def _up(value: float) -> str:
    if value <= 0:
        return '0'
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f'{math.ceil(round(value / unit, 6)) * unit:g}'


def _duration(seconds: float) -> str:
    return f'{seconds:.0f} s' if seconds < 90 else f'{seconds / 60:.0f} min'


def _costs(load: figures.Load) -> str:
    return f'{load.probes:,} probes, {load.interval:g} s'


#: Titles, fields of a site, and how they are shown.
_ROWS: tuple[tuple[str, str, collections.abc.Callable[..., str]], ...] = (
    ('Probes', 'probes', '{:,}'.format),
    ('Each is read every', 'interval', '{:g} s'.format),
    ('Measurements per second', 'rate', '{:,.0f}'.format),
    ('Costs measured with', 'load', _costs),
    ('Agents', 'agents', str),
    ('Cores of agents', 'agent_cores', _cores),
    ('Memory of agents', 'agent_mib', _size),
    ('Collectors, one of them as a reserve', 'collectors', str),
    ('Cores of collectors', 'collector_cores', _cores),
    ('Cores of PostgreSQL', 'postgresql_cores', _cores),
    ('Cores that PostgreSQL should have', 'postgresql_size', str),
    ('Nodes of RabbitMQ', 'nodes', str),
    ('Cores of each node', 'node_cores', _cores),
    ('Cores of all these', 'cores', _cores),
    (
        'Processes of the API, for one list of all probes each second',
        'api_processes',
        str,
    ),
    ('Cores of ``energy-meter-rrd``, if it is used', 'rrd_cores', _cores),
    ('Database, marks of 30 days', 'marks_mib', _size),
    ('Database, growth each year', 'year_mib', _size),
    ('Database, tables that each batch updates', 'hot_mib', _size),
    ('``max_wal_size``, at least', 'max_wal', _size),
    (
        '``max_connections``, without those of others',
        'connections',
        str,
    ),
    ('Closing a day, time of one collector', 'closing_s', _duration),
)
