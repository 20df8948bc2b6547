# SPDX-License-Identifier: Apache-2.0

"""Collectors: take messages from the bus, and write them in batches."""

from collections.abc import Iterable
from collections.abc import Iterator
import random
import typing

from energy_meter import measurement
from energy_meter.tests.model import bus

_COLLECTORS = 2
_MAX_BATCH = 200
_KILLED = 0.05


class Batch(typing.NamedTuple):
    """What a collector writes in one transaction.

    :ivar time: of the transaction, on the database's clock.
    """

    time: int
    measurements: list[measurement.Measurement]

    @property
    def arrivals(self) -> list[bus.Arrival]:
        """The measurements, which arrived when they were written."""
        return [bus.Arrival(self.time, each) for each in self.measurements]


def batches(
    arrivals: Iterable[bus.Arrival], generator: random.Random
) -> Iterator[Batch]:
    """Yield the batches that two collectors write alternately.

    Each message goes to either. One that is killed after its transaction has
    not acknowledged the messages, so they are written again.

    :param arrivals: what arrives of any probes, in order.
    """
    waiting: list[list[measurement.Measurement]] = [
        [] for _ in range(_COLLECTORS)
    ]
    sizes = [1] * _COLLECTORS
    time = 0
    for time, measured in arrivals:
        number = generator.randrange(_COLLECTORS)
        waiting[number].append(measured)
        if len(waiting[number]) >= sizes[number]:
            yield Batch(time, waiting[number])
            killed = generator.random() < _KILLED
            waiting[number] = list(waiting[number]) if killed else []
            size = generator.choice([1, 10, _MAX_BATCH])
            sizes[number] = len(waiting[number]) + generator.randint(1, size)
    for measurements in waiting:
        if measurements:
            yield Batch(time, measurements)
