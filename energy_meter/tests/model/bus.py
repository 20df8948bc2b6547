# SPDX-License-Identifier: Apache-2.0

"""The bus: delivers what agents send, late, repeatedly or not at all."""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import random
import typing

from energy_meter import measurement
from energy_meter.tests.model import agents
from energy_meter.tests.model import spans

#: Running time after which a mark is announced again.
ANNOUNCED_AFTER = (0, 600_000, 3_600_000, 21_600_000)
_MEAN_DELAY = 200
_MAX_DELAY = 2000


class Arrival(typing.NamedTuple):
    """A measurement with its arrival on the database's clock."""

    time: int
    measurement: measurement.Measurement


@dataclasses.dataclass(frozen=True)
class Bus:
    """Properties of the bus.

    :ivar outages: times at which agents cannot publish, by machine's name.
    :ivar holds: times at which no collector runs. Queues keep messages.
    :ivar drops: times at which the broker loses what it has confirmed.
    :ivar loss: share of messages that are lost.
    :ivar repetition: share of messages that arrive twice, up to ``late``
        later.
    :ivar delayed: share of messages that arrive up to ``late`` late.
    :ivar marks_lost: share of marks that are lost for good.
    :ivar coalesced: whether the backlog of an outage keeps only the newest
        measurement of each register.
    """

    outages: dict[str, tuple[spans.Span, ...]] = dataclasses.field(
        default_factory=dict
    )
    holds: tuple[spans.Span, ...] = ()
    drops: tuple[spans.Span, ...] = ()
    loss: float = 0.0
    repetition: float = 0.0
    delayed: float = 0.0
    late: int = 0
    marks_lost: float = 0.0
    coalesced: bool = True

    def deliver(
        self, machines: Iterable[agents.Machine], generator: random.Random
    ) -> list[Arrival]:
        """Return what arrives, in order of arrival."""
        result: list[Arrival] = []
        for machine in machines:
            outages = self.outages.get(machine.name, ())
            sent = [
                sent
                for process in machine.processes
                for sent in _published(process, outages, self.coalesced)
            ]
            sent += self._announced(machine, outages, generator)
            for time, measured in sent:
                result += self._transmit(time, measured, generator)
        return sorted(result, key=lambda arrival: arrival.time)

    def _announced(
        self,
        machine: agents.Machine,
        outages: Sequence[spans.Span],
        generator: random.Random,
    ) -> list[agents.Sent]:
        """Return marks, at all times at which they are announced."""
        running = [
            spans.Span(process.span.start, process.span.stop + 1)
            for process in machine.processes
        ]
        connected = spans.subtract([*running, *machine.idle], outages)
        result = []
        for process in machine.processes:
            for known, mark in process.marks:
                if generator.random() < self.marks_lost:
                    continue
                for time in _advance(connected, known):
                    result.append(agents.Sent(time, mark))
        return result

    def _transmit(
        self,
        time: int,
        measured: measurement.Measurement,
        generator: random.Random,
    ) -> list[Arrival]:
        if generator.random() < self.loss:
            return []
        if any(start <= time < stop for start, stop in self.drops):
            return []
        result = [self._arrive(time, measured, generator)]
        if generator.random() < self.repetition:
            late = time + generator.randrange(self.late + 1)
            result.append(self._arrive(late, measured, generator))
        return result

    def _arrive(
        self,
        time: int,
        measured: measurement.Measurement,
        generator: random.Random,
    ) -> Arrival:
        if generator.random() < self.delayed:
            time += generator.randrange(self.late + 1)
        for start, stop in self.holds:
            if start <= time < stop:
                time = stop
        delay = min(generator.expovariate(1 / _MEAN_DELAY), _MAX_DELAY)
        return Arrival(time + int(delay), measured)


def _published(
    process: agents.Process, outages: Sequence[spans.Span], coalesced: bool
) -> list[agents.Sent]:
    """Return the measurements of a process that leave its backlog."""
    result = []
    held: dict[int, list[agents.Sent]] = {}
    for sent in process.published:
        for start, stop in outages:
            if start <= sent.time < stop:
                held.setdefault(stop, []).append(sent)
                break
        else:
            result.append(sent)
    for stop, backlog in held.items():
        if stop >= process.span.stop:
            continue  # it was in memory
        kept: Iterable[agents.Sent] = backlog
        if coalesced:
            kept = {s.measurement.register: s for s in backlog}.values()
        result += [agents.Sent(stop, sent.measurement) for sent in kept]
    return result


def _advance(connected: Sequence[spans.Span], known: int) -> list[int]:
    """Return when a mark is announced that is known at ``known``."""
    running_time = spans.clip(connected, known, 2**62)
    result = []
    for running in ANNOUNCED_AFTER:
        for start, stop in running_time:
            if running < stop - start:
                result.append(start + running)
                break
            running -= stop - start
    return result
