# SPDX-License-Identifier: Apache-2.0

"""True power of a probe."""

import bisect
from collections.abc import Iterable
import itertools

from energy_meter.tests.model import spans


class Power:
    """Power of a probe, a step function in whole watts.

    Energy in mJ is then a product of integers, W times ms.

    :param steps: beginnings in ms with the power from there on, ascending.
    """

    def __init__(self, steps: list[tuple[int, int]]) -> None:
        self._times = [time for time, _ in steps]
        self._watts = [watts for _, watts in steps]
        self._sums = [0]
        for (time, watts), (until, _) in itertools.pairwise(steps):
            self._sums.append(self._sums[-1] + watts * (until - time))
        self.peak = max(self._watts)

    def _until(self, time: int) -> int:
        step = max(bisect.bisect_right(self._times, time) - 1, 0)
        watts = self._watts[step]
        return self._sums[step] + watts * (time - self._times[step])

    def energy(self, covered: Iterable[spans.Span]) -> int:
        """Return the energy of spans of time in mJ."""
        return sum(
            self._until(stop) - self._until(start) for start, stop in covered
        )
