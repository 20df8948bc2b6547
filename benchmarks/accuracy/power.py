# SPDX-License-Identifier: Apache-2.0

"""Energy of a meter that shows power only, in each quarter-hour.

The load is a day of the waveform ``load`` of the driver ``dummy``: its power
and its energy are known functions of time.
"""

import collections.abc
import itertools
import random
import typing

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.agent import clock
from energy_meter.agent import metering
from energy_meter.agent import metrics
from energy_meter.agent import registers
from energy_meter.billing import profile
from energy_meter.collector import store
from energy_meter.db import engine as db_engine
from energy_meter.drivers import dummy
from energy_meter.telemetry import counters
from energy_meter.tests.traces import errors
from energy_meter.tests.unit.db import curves

#: Length of an interval of the profile, in seconds.
QUARTER = 900
#: Part of the interval by which a reading is late or early.
JITTER = 0.3
#: Start of the first quarter-hour, in seconds since the epoch.
START = 1_750_000_000 // QUARTER * QUARTER

_LOW, _HIGH, _DAY = 150.0, 450.0, 86_400.0
_MAX_GAP = 60.0
_MAX_WATTS = 1000.0
_PUBLISH_INTERVAL = 60
_PROBE = 'probe'


class Span(typing.NamedTuple):
    """Time in seconds since the start of the first quarter-hour."""

    start: float
    until: float


class Case(typing.NamedTuple):
    """How the meter is read.

    :ivar name: of the case.
    :ivar interval: seconds between two readings.
    :ivar gaps: times at which the meter does not answer.
    """

    name: str
    interval: float
    gaps: tuple[Span, ...] = ()


class Reading(typing.NamedTuple):
    """Reading of the meter.

    :ivar time: in seconds since the start of the first quarter-hour.
    """

    time: float
    watts: float


class Load:
    """Load of which power and energy are known.

    :param seed: each has another load.
    """

    def __init__(self, seed: int) -> None:
        self._wave = dummy.Wave('load', _LOW, _HIGH, _DAY, str(seed))
        self._seed = seed

    def readings(
        self, case: Case, hours: int
    ) -> collections.abc.Iterator[Reading]:
        """Yield all readings, from just before to just after the hours."""
        generator = random.Random(self._seed)  # noqa: S311
        interval, end = case.interval, hours * 3600
        for number in range(-2, int(end / interval) + 3):
            late = generator.uniform(-JITTER, JITTER)
            time = (number + late) * interval
            if not any(gap.start <= time < gap.until for gap in case.gaps):
                yield Reading(time, self._wave.power(START + time))

    def joules(self, hours: int) -> list[float]:
        """Return the true energy of each quarter-hour."""
        energy = [self._wave.energy(START + time) for time in _edges(hours)]
        return [until - start for start, until in itertools.pairwise(energy)]


def ours(
    readings: collections.abc.Iterable[Reading],
    hours: int,
    engine: sa.Engine,
) -> list[errors.Shown]:
    """Return what energy_meter shows of each quarter-hour.

    The agent's registers, the collector's store and the profile are the real
    ones. Only the threads, the bus and the clocks are missing.

    :param engine: of an empty database.
    """
    waiting: list[measurement.Measurement] = []
    newest: measurement.Measurement | None = None
    published = 0.0
    for time, recorded in _record(readings):
        if time - published >= _PUBLISH_INTERVAL and newest is not None:
            _write(engine, [*waiting, newest], published := time)
            waiting = []
        waiting += [each for each in recorded if each.is_mark]
        newest = recorded[-1]
    assert newest is not None
    _write(engine, [*waiting, newest], time)
    with db_engine.snapshot(engine) as connection:
        line = curves.load(connection, _PROBE)
    dates = [(START + edge) * 1000 for edge in _edges(hours)]
    return [
        errors.Shown(
            interval.millijoules / 1000, interval.quality != 'measured'
        )
        for interval in profile.intervals(line, dates)
    ]


def _record(
    readings: collections.abc.Iterable[Reading],
) -> collections.abc.Iterator[tuple[float, list[measurement.Measurement]]]:
    """Yield what the agent records of each reading, with its time."""
    opened = registers.Registers(
        'a0c3f6f2-7f0e-4c0e-9d0b-2b6d3b1f6c11',
        {},
        QUARTER,
        counters.Counters(metrics.COUNTERS),
    )
    settings = metering.Settings(
        measurement.Probe(_PROBE, 'outlet', 'host', 'pdu', 'dummy', 'agent'),
        _MAX_WATTS,
        _MAX_GAP,
        'auto',
        {},
    )
    for number, reading in enumerate(readings):
        at = _instant(reading.time)
        if not number:
            opened.configure([settings], at.before(1.0))
        yield (
            reading.time,
            opened.record(measurement.Reading(_PROBE, reading.watts), at),
        )


def _instant(time: float) -> clock.Instant:
    running = START + time
    return clock.Instant(running, running, running, True, 0)


def _write(
    engine: sa.Engine,
    measurements: list[measurement.Measurement],
    time: float,
) -> None:
    """Write measurements as a collector does that receives them now."""
    with db_engine.writing(engine) as connection:
        store.write(connection, measurements, round((START + time) * 1000))


def rectangle(
    readings: collections.abc.Iterable[Reading], hours: int
) -> list[errors.Shown]:
    """Return what a sum of end-of-interval rectangles shows.

    Each reading adds its power times the time since the reading before, as
    Kwapi does. The energy of a quarter-hour is the difference between the sums
    at its ends.
    """
    edges, joules, previous = iter(_edges(hours)), 0.0, None
    edge, sums = next(edges), []
    for time, watts in readings:
        while edge is not None and time > edge:
            sums.append(joules)
            edge = next(edges, None)
        if previous is not None:
            joules += watts * (time - previous)
        previous = time
    return [
        errors.Shown(until - start)
        for start, until in itertools.pairwise(sums)
    ]


def _edges(hours: int) -> range:
    return range(0, hours * 3600 + 1, QUARTER)
