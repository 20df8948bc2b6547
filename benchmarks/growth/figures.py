# SPDX-License-Identifier: Apache-2.0

"""What the benchmark measures, and the file that keeps it."""

import collections.abc
import json
import pathlib
import typing

#: Maximum seconds from a reading to the API: publish_interval, flush_interval,
#: and another second for the work. Beyond it a batch waits for the one before.
MAX_AGE_S = 4.0
#: Maximum percent of a core for a process that is not always late.
MAX_PROCESS = 100.0


class Load(typing.NamedTuple):
    """Cost of measurements on their way into the database.

    All CPU times are µs a measurement.

    :ivar interval: seconds between two readings of a probe.
    :ivar agents: number of agents, which share the probes.
    :ivar agent_us: CPU time of all agents.
    :ivar percent: of a core that all four programs took.
    :ivar busiest: percent of a core that the busiest agent or collector took.
    :ivar agent_mib: memory of all agents, in MiB.
    :ivar age_s: of values when the API first showed them, 99th percentile.
    :ivar late_s: age of the oldest value in the database, beyond the interval.
    :ivar coalesced: measurements that agents dropped for newer ones.
    :ivar wal_bytes: that PostgreSQL logged for a measurement.
    :ivar hot_updates: percent of updates that left the indexes alone.
    :ivar hot_mib: size of the tables that each batch updates, with indexes.
    :ivar connections: to PostgreSQL, of the collector and of the API.
    """

    probes: int
    interval: float
    agents: int
    agent_us: float
    collector_us: float
    postgresql_us: float
    rabbitmq_us: float
    percent: float
    busiest: float
    agent_mib: float
    collector_mib: float
    age_s: float
    late_s: float
    coalesced: int
    wal_bytes: float
    hot_updates: float
    hot_mib: float
    connections: int

    @property
    def waits(self) -> bool:
        """Whether something waited, so that the machine is full."""
        return (
            self.busiest >= MAX_PROCESS
            or self.age_s > MAX_AGE_S
            or self.late_s > MAX_AGE_S
            or self.coalesced > 0
        )


class Requests(typing.NamedTuple):
    """Cost of requests for all probes: CPU ms of API and PostgreSQL.

    :ivar etag_ms: of a list that the client has already.
    :ivar changed_ms: of a list of which a probe changed before each request.
    :ivar day_ms: of a closed day of all probes, in all of its pages.
    :ivar api_mib: memory of two processes of uWSGI, in MiB.
    """

    probes: int
    unchanged_ms: float
    etag_ms: float
    changed_ms: float
    day_ms: float
    api_mib: float


class Points(typing.NamedTuple):
    """Points in RRD files, one file for each probe.

    :ivar rate: points per second of CPU time.
    :ivar written: bytes that become dirty for a point.
    :ivar mib: memory of the process, in MiB.
    """

    probes: int
    rate: float
    written: float
    mib: float


class Storage(typing.NamedTuple):
    """What the database keeps.

    :ivar closing_s: seconds that a collector needs to close a day.
    :ivar day_bytes: size of a closed day of a probe, with its index.
    :ivar mark_bytes: size of a mark, with its index.
    """

    probes: int
    closing_s: float
    day_bytes: float
    mark_bytes: float


#: Any of these, for one number of probes.
Row = typing.TypeVar('Row', Load, Requests, Points, Storage)


class Figures(typing.NamedTuple):
    """All that was measured.

    :ivar machine: as :func:`benchmarks.comparison.machine` returns it.
    :ivar loads: by number of probes.
    :ivar full: loads at 1 Hz around the size at which the machine is full.
    """

    machine: dict[str, typing.Any]
    loads: list[Load]
    full: list[Load]
    requests: list[Requests]
    points: list[Points]
    storage: list[Storage]


def nearest(rows: collections.abc.Iterable[Row], probes: float) -> Row:
    """Return the row whose number of probes is nearest in proportion."""
    return min(
        rows, key=lambda row: max(row.probes / probes, probes / row.probes)
    )


def write(path: pathlib.Path, figures: Figures) -> None:
    """Write figures to a file."""
    document = {
        name: rows
        if isinstance(rows, dict)
        else [row._asdict() for row in rows]
        for name, rows in figures._asdict().items()
    }
    path.write_text(json.dumps(document, indent=1) + '\n')


def read(path: pathlib.Path) -> Figures:
    """Return the figures of a file."""
    document = json.loads(path.read_text())
    return Figures(
        document['machine'],
        [Load(**row) for row in document['loads']],
        [Load(**row) for row in document['full']],
        [Requests(**row) for row in document['requests']],
        [Points(**row) for row in document['points']],
        [Storage(**row) for row in document['storage']],
    )
