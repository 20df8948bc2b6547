# SPDX-License-Identifier: Apache-2.0

"""Back-off of an agent that is restarted often.

Each start opens a register for each probe, which the agent, the bus and the
database must keep. An agent that crashes in a loop must not open thousands.
"""

import logging
import typing

from energy_meter import attempt
from energy_meter import exception
from energy_meter.agent import state

LOG = logging.getLogger(__name__)

#: Maximum time in seconds that a start waits.
MAX_DELAY_S = 60.0

_NAME = 'starts.json'
_PERIOD_S = 3600.0
#: Number of starts within the period that do not wait.
_MAX_STARTS = 5
_MAX_KEPT = 20


def delay(directory: state.StateDirectory, timestamp: float) -> float:
    """Record a start, and return how long it must wait, in seconds.

    The delay doubles with each start within one hour.

    :param timestamp: current time in seconds since the epoch.
    """
    starts, _ = attempt.call(
        lambda: directory.read(_NAME, _parse), exception.StateUnusable
    )
    # After a step of the clock, starts in the future count, too.
    recent = [
        start for start in starts or () if abs(timestamp - start) < _PERIOD_S
    ]
    _, error = attempt.call(
        lambda: directory.write(_NAME, [*recent, timestamp][-_MAX_KEPT:]),
        exception.StateUnusable,
    )
    if error is not None:
        LOG.warning('Cannot record this start: %s', error)
    if len(recent) < _MAX_STARTS:
        return 0.0
    return min(MAX_DELAY_S, 2.0 ** (len(recent) - _MAX_STARTS))


def _parse(content: list[typing.Any]) -> list[float]:
    return [float(start) for start in content]
