# SPDX-License-Identifier: Apache-2.0

"""What the systems under comparison have in common."""

import collections.abc
import typing

from energy_meter.tests.traces import errors
from energy_meter.tests.traces import trace

Traces = collections.abc.Sequence[trace.Trace]
#: Called with the text of each step.
Report = collections.abc.Callable[[str], None]


class System(typing.Protocol):
    """A system that meters or stores energy.

    Called with all traces, it yields what it shows of each.

    :param query: for systems that understand PromQL.
    :raises unittest.SkipTest: if a program is not installed.
    """

    def __call__(
        self, traces: Traces, report: Report, query: str
    ) -> collections.abc.Iterator[errors.Day]: ...


def joules(traced: trace.Trace, sample: trace.Sample) -> float | None:
    """Return what an exporter shows for a sample; None if nothing."""
    if sample.ticks is None or not sample.copies:
        return None
    return sample.ticks * traced.counter.joules_per_tick
