# SPDX-License-Identifier: Apache-2.0

"""What energy_meter shows of a trace.

The agent's registers, the collector's store and the profile are the real
ones. Only the threads, the bus and the clocks are missing.
"""

import collections
import collections.abc
import random
import typing
import uuid

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.agent import announcer
from energy_meter.agent import clock
from energy_meter.agent import metering
from energy_meter.agent import metrics
from energy_meter.agent import registers
from energy_meter.billing import profile
from energy_meter.billing import timeline
from energy_meter.collector import settling
from energy_meter.collector import store
from energy_meter.db import engine as db_engine
from energy_meter.db import numbers
from energy_meter.telemetry import counters
from energy_meter.tests.traces import errors
from energy_meter.tests.traces import trace
from energy_meter.tests.unit.db import curves

#: Seconds between two readings.
PERIOD = 10
#: Seconds from the publication of a message until it is written.
DELAY = 1

_PROBE = 'probe'
_PROFILE_INTERVAL = 900
_MAX_WATTS, _MAX_GAP = 1000.0, 60.0
#: Seconds between two messages of an agent, far more than in reality, where
#: it makes no difference. The lags of its measurements are of all classes.
_PUBLISH_INTERVAL = 480
_SETTLE_INTERVAL = 3600


class Recorded(typing.NamedTuple):
    """Measurement, and when the agent made it."""

    time: int
    measurement: measurement.Measurement


_Messages = dict[int, list[measurement.Measurement]]


def show(traced: trace.Trace, engine: sa.Engine) -> errors.Day:
    """Return what the profile of a trace shows; see :func:`bill`."""
    line = bill(traced, engine)
    dates = [time * 1000 for time in traced.hours]
    hours = profile.intervals(line, dates)
    days = profile.intervals(line, [dates[0], dates[-1]])
    return errors.Day(list(map(_shown, hours)), _shown(days[0]))


def bill(traced: trace.Trace, engine: sa.Engine) -> timeline.Timeline:
    """Meter and bill a trace.

    :param engine: of an empty database.
    """
    messages: _Messages = collections.defaultdict(list)
    wrong: set[measurement.RegisterKey] = set()
    for machine in traced.machines:
        recorded = list(_record(traced, machine))
        for time, sent in _publish(traced, recorded):
            messages[time] += sent
        wrong |= {
            each.register
            for time, each in recorded
            if time - traced.start in traced.wrong and not each.is_mark
        }
    _write(engine, messages, traced.copies)
    _void(engine, wrong, max(messages) * 1000)
    with db_engine.snapshot(engine) as connection:
        return curves.load(connection, _PROBE)


def _shown(interval: profile.Interval) -> errors.Shown:
    return errors.Shown(
        interval.millijoules / 1000,
        interval.quality != 'measured' or bool(interval.clock),
    )


def _record(
    traced: trace.Trace, machine: str
) -> collections.abc.Iterator[Recorded]:
    """Yield what the agent of a machine records."""
    agent = str(uuid.uuid5(uuid.NAMESPACE_DNS, machine))
    counts = counters.Counters(metrics.COUNTERS)
    ended: dict[str, measurement.Predecessor] = {}
    process, opened = -1, None
    for sample in traced.samples(PERIOD):
        if sample.machine != machine or sample.ticks is None:
            continue
        at = _instant(sample)
        if sample.process != process:
            if opened is not None:
                for mark in opened.configure([], at):
                    yield Recorded(sample.time, mark)
                ended = opened.state(at).ended
            process = sample.process
            opened = registers.Registers(
                agent, ended, _PROFILE_INTERVAL, counts
            )
            opened.configure([_settings(machine)], at.before(1.0))
        assert opened is not None
        reading = measurement.Reading(
            _PROBE, ticks=sample.ticks, counter=traced.counter
        )
        for each in opened.record(reading, at):
            yield Recorded(sample.time, each)


def _instant(sample: trace.Sample) -> clock.Instant:
    running = float(sample.time)
    return clock.Instant(running, running, float(sample.timestamp), True, 0)


def _settings(machine: str) -> metering.Settings:
    return metering.Settings(
        measurement.Probe(_PROBE, 'outlet', 'host', 'pdu', 'dummy', machine),
        _MAX_WATTS,
        _MAX_GAP,
        'auto',
        {},
    )


def _publish(
    traced: trace.Trace,
    recorded: collections.abc.Iterable[Recorded],
) -> collections.abc.Iterator[tuple[int, list[measurement.Measurement]]]:
    """Yield the messages that are not lost, and when they are written.

    Like the backlog and the announcer of the agent: the newest measurement,
    and each mark several times.
    """
    generator = random.Random(1)
    interval, end = _PUBLISH_INTERVAL, traced.until + trace.MARGIN
    messages: _Messages = collections.defaultdict(list)
    newest: dict[int, measurement.Measurement] = {}
    for time, each in recorded:
        sent = (time // interval + 1) * interval
        if not each.is_mark:
            newest[sent] = each
            continue
        for delay in (0, *map(int, announcer.SCHEDULE_S)):
            messages[sent + delay // interval * interval].append(each)
    for sent, each in newest.items():
        messages[sent].append(each)
    for sent, measurements in messages.items():
        if sent < end and generator.random() >= traced.lost:
            yield sent + DELAY, measurements


def _write(engine: sa.Engine, messages: _Messages, copies: int) -> None:
    """Write messages as a collector does, and settle every hour."""
    settled = 0
    for time, measurements in sorted(messages.items()):
        for _ in range(copies):
            with db_engine.writing(engine) as connection:
                store.write(connection, measurements, time * 1000)
        if time - settled >= _SETTLE_INTERVAL:
            settled = time
            _settle(engine, time)
    _settle(engine, time)


def _settle(engine: sa.Engine, time: int) -> None:
    with db_engine.writing(engine) as connection:
        settling.settle(
            connection, settling.contested(connection), time * 1000
        )


def _void(
    engine: sa.Engine,
    wrong: collections.abc.Iterable[measurement.RegisterKey],
    db_now: int,
) -> None:
    """Void registers, as an operator does who finds that they are wrong."""
    for key in wrong:
        with db_engine.writing(engine) as connection:
            settling.void(
                connection,
                [numbers.number(_PROBE, key)],
                db_now,
                settling.Cause('void'),
            )
