# SPDX-License-Identifier: Apache-2.0

"""Families of histories, with the events of months in some hours."""

from collections.abc import Callable
import itertools
import random

from energy_meter.tests.model import agents
from energy_meter.tests.model import bus
from energy_meter.tests.model import spans
from energy_meter.tests.model import world
from energy_meter.tests.model.world import DAY
from energy_meter.tests.model.world import HOUR
from energy_meter.tests.model.world import MINUTE
from energy_meter.tests.model.world import SECOND

_SKEW = SECOND // 2
_HANDOVERS = 10
#: Below the horizon, so that marks of a clock that is behind are taken.
_MAX_OFFSET = 29 * DAY
_QUIET = 5 * MINUTE


def _media(of: world.World, marks_lost: float = 0.0) -> bus.Bus:
    """Return a bus, anywhere from faultless to lossy with outages."""
    generator = of.random
    faulty = generator.choice([0.0, 1.0])
    common = _faults(of, [0, 0, 1, 2], 2 * HOUR)
    outages = {
        machine.name: generator.choice([common, _faults(of, [0, 1], 2 * HOUR)])
        for machine in of.machines
    }
    return bus.Bus(
        outages,
        holds=_faults(of, [0, 0, 1], 2 * HOUR),
        drops=_faults(of, [0, 0, 1], 10 * MINUTE),
        loss=faulty * generator.choice([0.0, 0.1, 0.3]),
        repetition=faulty * generator.choice([0.0, 0.3]),
        delayed=faulty * generator.choice([0.0, 0.1]),
        late=generator.choice([MINUTE, HOUR]),
        marks_lost=marks_lost,
        coalesced=generator.choice([True, False]),
    )


def _faults(
    of: world.World, counts: list[int], longest: int
) -> tuple[spans.Span, ...]:
    """Return spans that end while all agents still run."""
    drawn = of.draw_spans(of.random.choice(counts), longest)
    return tuple(spans.clip(drawn, of.begin, of.end - _QUIET))


def _skew(of: world.World) -> int:
    return of.random.randint(-_SKEW, _SKEW)


def _offset(of: world.World, smallest: int, largest: int) -> int:
    """Return an offset of which each order of magnitude is as likely."""
    size = smallest * (largest / smallest) ** of.random.random()
    return int(size) * of.random.choice([-1, 1])


def _live(
    of: world.World,
    machine: agents.Machine,
    restarts: int,
    gaps: int = 0,
) -> None:
    """Run a machine's agent all the time, with restarts and gaps."""
    blind = of.draw_spans(gaps, 20 * MINUTE)
    edges = [of.begin, *of.times(restarts), of.end]
    for start, stop in itertools.pairwise(edges):
        pause = of.random.randrange(2 * MINUTE)
        if start + pause < stop:
            killed = of.random.choice([True, False])
            machine.run(start + pause, stop, blind, killed)


def one_agent(of: world.World) -> world.History:
    """Restart a single agent, and step its clock."""
    machine = of.machine('a', _skew(of))
    for time in of.times(of.random.randrange(4)):
        machine.clock.set(time, _offset(of, SECOND, HOUR))
    _live(of, machine, of.random.randrange(8), of.random.randrange(4))
    return of.history(_media(of))


def moves(of: world.World) -> world.History:
    """Move a probe between two agents."""
    machines = [of.machine(name, _skew(of)) for name in 'ab']
    edges = [of.begin, *of.times(of.random.randint(1, _HANDOVERS)), of.end]
    current = of.random.choice([0, 1])
    for start, stop in itertools.pairwise(edges):
        begin = start + of.random.randint(-20 * SECOND, 2 * MINUTE)
        for process in machines[current].processes:
            begin = max(begin, process.span.stop + 1)
        if begin < stop:
            killed = of.random.choice([True, False])
            machines[current].run(begin, stop, (), killed)
        current = 1 - current
    return of.history(_media(of))


def standby(of: world.World) -> world.History:
    """Meter a probe by two agents, with restarts."""
    for name in 'ab':
        _live(of, of.machine(name, _skew(of)), of.random.randrange(6))
    return of.history(_media(of))


def gaps(of: world.World) -> world.History:
    """Meter a probe by two agents, neither without gaps."""
    for name in 'ab':
        _live(of, of.machine(name, _skew(of)), of.random.randrange(3), 5)
    return of.history(_media(of))


def copied(of: world.World) -> world.History:
    """Copy an agent's state to another machine while it runs."""
    original = of.machine('a', _skew(of))
    copied_at = of.time(0.2, 0.5)
    runs_on = of.random.choice([5 * SECOND, 20 * SECOND, HOUR, 4 * HOUR])
    stop = min(of.end, copied_at + runs_on)
    process = original.run(of.begin, stop, (), of.random.choice([True, False]))
    if of.random.choice([True, False]) and stop < of.end:
        original.run(min(stop + MINUTE, of.end), of.end)
    copy = of.machine('b', _skew(of), copied=original)
    copy.saved = process.checkpoint(copied_at)
    copy.run(copied_at + of.random.randrange(2 * MINUTE), of.end)
    of.copies = 1
    return of.history(_media(of))


def restored(of: world.World) -> world.History:
    """Restore an agent's state from a backup."""
    machine = of.machine('a', _skew(of))
    edges = [of.begin, *of.times(of.random.randint(2, 6)), of.end]
    restored_at = of.random.randrange(1, len(edges) - 1)
    for index, (start, stop) in enumerate(itertools.pairwise(edges)):
        if index == restored_at and machine.processes:
            backup = of.random.choice(machine.processes)
            machine.saved = backup.checkpoint(of.time(0.0, 0.3))
        begin = start + of.random.randrange(MINUTE)
        if begin < stop:
            machine.run(begin, stop, (), of.random.choice([True, False]))
    if of.random.choice([True, False]):
        _live(of, of.machine('b', _skew(of)), 1)
    return of.history(_media(of))


def unset_clock(of: world.World) -> world.History:
    """Set an agent's clock only after its start."""
    offset = of.random.choice([-of.begin, -_offset(of, MINUTE, _MAX_OFFSET)])
    machine = of.machine('a', offset, synced=False)
    first = of.time(0.1, 0.9)
    machine.clock.set(of.time(0.0, 0.95), _skew(of))
    machine.run(of.begin, first, (), of.random.choice([True, False]))
    machine.run(first + of.random.randrange(1, MINUTE), of.end)
    _live(of, of.machine('b', _skew(of)), of.random.randrange(3))
    return of.history(_media(of))


def offsets(of: world.World) -> world.History:
    """Start an agent with a wrong clock, beside another."""
    machine = of.machine('a', _offset(of, SECOND // 10, _MAX_OFFSET))
    if of.random.choice([True, False]):
        machine.clock.set(of.time(), _skew(of))
    _live(of, machine, of.random.randrange(3))
    _live(of, of.machine('b', _skew(of)), of.random.randrange(3))
    return of.history(_media(of))


def steps(of: world.World) -> world.History:
    """Step an agent's clock, beside another agent."""
    machine = of.machine('a', _skew(of))
    for time in of.times(of.random.randint(1, 4)):
        machine.clock.set(time, _offset(of, SECOND, HOUR))
    _live(of, machine, of.random.randrange(3))
    _live(of, of.machine('b', _skew(of)), of.random.randrange(3))
    return of.history(_media(of))


def paused(of: world.World) -> world.History:
    """Pause a machine, and correct its clock afterwards."""
    skew = _skew(of)
    machine = of.machine('a', skew)
    start = of.time(0.1, 0.5)
    span = spans.Span(start, start + of.random.randint(MINUTE, HOUR))
    machine.clock.pause(span)
    machine.clock.set(span.stop + of.random.randrange(1, MINUTE), skew)
    machine.run(of.begin, of.end)
    if of.random.choice([True, False]):
        _live(of, of.machine('b', _skew(of)), of.random.randrange(3))
    return of.history(_media(of))


def lost_marks(of: world.World) -> world.History:
    """Lose marks for good, of one agent or two."""
    for name in of.random.choice(['a', 'ab']):
        _live(of, of.machine(name, _skew(of)), of.random.randrange(4), 3)
    return of.history(_media(of, of.random.choice([0.3, 0.7, 1.0])))


FAMILIES: dict[str, Callable[[world.World], world.History]] = {
    family.__name__: family
    for family in (
        one_agent,
        moves,
        standby,
        gaps,
        copied,
        restored,
        unset_clock,
        offsets,
        steps,
        paused,
        lost_marks,
    )
}
PERIODS = (SECOND, MINUTE, 4 * MINUTE)


def generate(
    family: str,
    generator: random.Random,
    period: int | None = None,
    probe: str = 'probe',
) -> world.History:
    """Return a history of a family.

    :param period: time between two readings in ms; None for any.
    """
    duration = generator.randint(HOUR, 3 * HOUR)
    if period is None:
        period = generator.choice([SECOND, SECOND, *PERIODS])
    return FAMILIES[family](world.World(generator, duration, period, probe))
