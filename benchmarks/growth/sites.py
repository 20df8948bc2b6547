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
    """What a site needs.

    CPU time is in cores, without a reserve; memory and sizes are in MiB.

    :ivar load: measured costs that the site is computed from.
    :ivar collectors: including one as a reserve.
    :ivar api_processes: for a list of all probes each second.
    :ivar max_wal: of the log between two checkpoints, doubled.
    :ivar closing_s: seconds that one collector needs to close a day.
    """

    probes: int
    interval: float
    load: figures.Load
    agents: int
    agent_cores: float
    agent_mib: float
    collectors: int
    collector_cores: float
    postgresql_cores: float
    rabbitmq_cores: float
    rrd_cores: float
    api_processes: int
    connections: int
    hot_mib: float
    max_wal: float
    marks_mib: float
    year_mib: float
    closing_s: float

    @property
    def rate(self) -> float:
        """Measurements per second."""
        return self.probes / self.interval

    @property
    def cores(self) -> float:
        """Cores of agents, collectors, database and broker together."""
        return (
            self.agent_cores
            + self.collector_cores
            + self.postgresql_cores
            + self.rabbitmq_cores
        )


def site(found: figures.Figures, probes: int, interval: float) -> Site:
    """Return what a site needs.

    Costs of a measurement are those of the most similar load on which nothing
    waited. What a probe costs grows with the probes, from the nearest number
    that was measured.
    """
    load = _similar(found, probes, interval)
    rate = probes / interval
    agent_cores = rate * load.agent_us / 1e6
    collector_cores = rate * load.collector_us / 1e6
    collectors = processes(collector_cores) + 1
    requests = figures.nearest(found.requests, probes)
    api_processes = processes(
        requests.changed_ms / 1000 * probes / requests.probes
    )
    points = figures.nearest(found.points, probes)
    storage = figures.nearest(found.storage, probes)
    scale = probes / load.probes
    hot_mib = load.hot_mib * scale
    logged = rate * load.wal_bytes * _CHECKPOINT_S / 2**20
    return Site(
        probes,
        interval,
        load,
        max(processes(agent_cores), math.ceil(probes / MAX_AGENT_PROBES)),
        agent_cores,
        load.agent_mib * scale,
        collectors,
        collector_cores,
        rate * load.postgresql_us / 1e6,
        rate * load.rabbitmq_us / 1e6,
        rate / points.rate,
        api_processes,
        (collectors + api_processes) * _POOL,
        hot_mib,
        2 * (logged + hot_mib),
        probes * _MARKS * storage.mark_bytes / 2**20,
        probes * _DAYS * storage.day_bytes / 2**20,
        storage.closing_s * probes / storage.probes,
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
    ('Cores of one RabbitMQ', 'rabbitmq_cores', _cores),
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
