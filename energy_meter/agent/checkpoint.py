# SPDX-License-Identifier: Apache-2.0

"""Checkpoint of all registers, for the next start of the agent.

The agent saves the newest measurement of each open register every few
seconds. At the next start, these measurements become the final marks of their
registers, and the new registers name the old ones as their predecessors.
"""

import collections.abc
import logging
import threading
import typing

from energy_meter import attempt
from energy_meter import cpu_usage
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.agent import clock as agent_clock
from energy_meter.agent import mark_buffer
from energy_meter.agent import registers as agent_registers
from energy_meter.agent import state

LOG = logging.getLogger(__name__)

_NAME = 'checkpoint.json'
#: Maximum age in seconds of the checkpoint when measurements are published.
#: Collectors take a register that continued for more than 15 seconds after
#: its checkpoint for one whose state was copied.
_MAX_AGE_S = 12.0
#: Difference in ms between the last reading of a register and its checkpoint
#: from which on that is a mark, too.
_SILENT_MS = 10_000


class Saved(typing.NamedTuple):
    """Content of a checkpoint.

    :ivar marks: the final marks of each register that was open: its last
        reading and, if that was long before, the time of the checkpoint, as
        the end of a gap. Collectors take a register for the successor of one
        that reached the end that it names, give or take 15 seconds.
    :ivar ended: the last register of each probe; empty if another agent
        saved the checkpoint.
    """

    marks: list[measurement.Measurement]
    ended: dict[str, measurement.Predecessor]


class Checkpoint:
    """Saves the registers of the agent; thread-safe.

    :param directory: keeps the file.
    :param agent: UUID of the agent.
    :param registers: what is saved.
    :param marks: receives the final marks of registers before a checkpoint
        without these registers is written.
    :param clock: clock of the agent.
    """

    def __init__(
        self,
        directory: state.StateDirectory,
        agent: str,
        registers: agent_registers.Registers,
        marks: mark_buffer.MarkBuffer,
        clock: agent_clock.Clock,
    ) -> None:
        self._directory = directory
        self._agent = agent
        self._registers = registers
        self._marks = marks
        self._clock = clock
        self._throttled_log = log_throttle.ThrottledLogger(LOG)
        self._saving = threading.Lock()
        self._saved_at = 0.0

    def save(self) -> None:
        """Write the checkpoint; log it if that fails."""
        with self._saving:
            self._save()

    def save_if_needed(self) -> None:
        """Write the checkpoint if it lacks a register, or is old.

        To be called before measurements are published, so that the next
        register of a probe names every one that the collectors know.
        """
        with self._saving:
            now = self._clock.now()
            if (
                self._registers.has_unsaved()
                or not 0 <= now.boottime - self._saved_at < _MAX_AGE_S
            ):
                self._save()

    def _save(self) -> None:
        now = self._clock.now()
        self._saved_at = now.boottime
        current = self._registers.state(now)
        self._marks.flush()
        content = {
            'agent': self._agent,
            'open': [
                (_format_measurement(latest), elapsed)
                for latest, elapsed in current.open
            ],
            'ended': current.ended,
        }
        _, error = attempt.call(
            lambda: self._directory.write(_NAME, content),
            exception.StateUnusable,
        )
        if error is not None:
            self._throttled_log.warning(
                'checkpoint',
                'Cannot save the checkpoint (%s); retrying',
                error,
            )
        else:
            self._throttled_log.recovered(
                'checkpoint', 'Checkpoint saved again'
            )


def load(directory: state.StateDirectory, agent: str) -> Saved:
    """Return what was saved last.

    A corrupt checkpoint is set aside: metering without it loses no energy,
    only the order of a probe's registers.

    :param agent: UUID of the agent. If it differs from that of the
        checkpoint, the directory was copied, or the machine renamed. The
        registers are then those of another agent, which nothing follows.
    :raises StateUnusable: if the checkpoint cannot be read.
    """
    saved, error = attempt.call(
        lambda: directory.read(_NAME, _parse), exception.StateCorrupt
    )
    if error is not None:
        LOG.error(
            'The checkpoint is renamed to %s, and registers start without '
            'predecessors: %s',
            directory.set_aside(_NAME),
            error,
        )
    if saved is None:
        return Saved([], {})
    owner, content = saved
    return content if owner == agent else content._replace(ended={})


def _parse(content: dict[str, typing.Any]) -> tuple[str, Saved]:
    ended = {
        str(probe): measurement.Predecessor(str(register), int(elapsed))
        for probe, (register, elapsed) in content['ended'].items()
    }
    marks = []
    for row, elapsed in content['open']:
        latest = _parse_measurement(row)
        end = max(latest.elapsed, int(elapsed))
        marks += _final_marks(latest, end)
        ended[latest.probe.id] = measurement.Predecessor(
            latest.register.id, end
        )
    return content['agent'], Saved(marks, ended)


def _final_marks(
    latest: measurement.Measurement, end: int
) -> list[measurement.Measurement]:
    """Return the marks of a register of which no more is known.

    :param end: its elapsed time when it was saved, in ms.
    """
    last = latest._replace(watts=None, volts=None, amperes=None, is_mark=True)
    silent = end - last.elapsed
    if silent <= _SILENT_MS:
        return [last]
    return [
        last,
        last._replace(elapsed=end, timestamp=last.timestamp + silent),
    ]


def _format_measurement(
    latest: measurement.Measurement,
) -> tuple[object, ...]:
    # Agents that meter energy only can be downgraded.
    return latest.flat() if latest.usage else latest.flat()[:-1]


def _parse_measurement(
    row: collections.abc.Sequence[typing.Any],
) -> measurement.Measurement:
    found = measurement.parse_measurement(row)
    return found._replace(usage=cpu_usage.parse_usage(found.usage))
