# SPDX-License-Identifier: Apache-2.0

"""Announcements of buffered marks: at once, and again later.

A broker that drops its oldest messages has confirmed them before. So the
agent publishes each mark several times. Repetitions change nothing in the
collectors' database.
"""

import logging
import typing

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.agent import mark_buffer
from energy_meter.agent import mark_file
from energy_meter.agent import state

LOG = logging.getLogger(__name__)

#: Age of a file, in seconds of running time, at each announcement after the
#: first.
SCHEDULE_S = (600.0, 3600.0, 21_600.0, 86_400.0, 259_200.0)
#: Age in seconds of running time at which a file is deleted.
KEEP_S = 345_600.0

_NAME = 'announcements.json'
_SAVE_INTERVAL_S = 60.0


class _Progress(typing.NamedTuple):
    """Progress of a complete file.

    :ivar completed_at: running time at which it was complete.
    :ivar repetitions: number of announcements after the first.
    """

    completed_at: float
    repetitions: int


class Announcer:
    """Decides which marks to publish next; used by one thread.

    The running time counts only while the bus accepts messages. It continues
    after a restart.

    :param buffer: the marks.
    :param directory: keeps the progress.
    :param announce_all: whether to publish all marks again.
    """

    def __init__(
        self,
        buffer: mark_buffer.MarkBuffer,
        directory: state.StateDirectory,
        announce_all: bool = False,
    ) -> None:
        self._buffer = buffer
        self._directory = directory
        self._throttled_log = log_throttle.ThrottledLogger(LOG)
        self._running, unsent, self._progress = self._load()
        self._saved_at = self._running
        self._accepted_at: float | None = None
        self._unsent = _Cursor(buffer, 0 if announce_all else unsent)
        self._repeated: _Cursor | None = None

    def next_unsent(self, limit: int) -> list[measurement.Measurement]:
        """Return marks that were not announced yet, the oldest first.

        They are returned again until :meth:`sent_unsent`.
        """
        while not (marks := self._unsent.peek(limit)):
            later = [
                number
                for number in self._buffer.numbers()
                if number > self._unsent.number
            ]
            if not later or not self._buffer.is_complete(self._unsent.number):
                break
            self._unsent.close()
            self._unsent = _Cursor(self._buffer, later[0])
        return marks

    def sent_unsent(self) -> None:
        """Continue after the marks that were returned."""
        self._unsent.advance()

    def next_repetition(self, limit: int) -> list[measurement.Measurement]:
        """Return marks to announce again.

        They are returned again until :meth:`sent_repetition`.
        """
        while True:
            if self._repeated is None:
                number = self._due()
                if number is None:
                    return []
                self._repeated = _Cursor(self._buffer, number)
            if marks := self._repeated.peek(limit):
                return marks
            self._repeated.close()
            self._count_repetition(self._repeated.number)
            self._repeated = None

    def sent_repetition(self) -> None:
        """Continue after the marks that were returned."""
        if self._repeated is not None:
            self._repeated.advance()

    def accept(self, monotonic: float) -> None:
        """Let the running time pass: the bus accepts messages."""
        if self._accepted_at is not None:
            self._running += monotonic - self._accepted_at
        self._accepted_at = monotonic
        numbers = self._buffer.numbers()
        for number in numbers:
            if number < self._unsent.number:
                self._progress.setdefault(number, _Progress(self._running, 0))
        for number in self._progress.keys() - set(numbers):
            del self._progress[number]
        for number, progress in list(self._progress.items()):
            if self._running - progress.completed_at >= KEEP_S:
                self._buffer.delete(number)
        if self._running - self._saved_at >= _SAVE_INTERVAL_S:
            self.save()

    def fail(self) -> None:
        """Stop the running time: the bus does not accept messages."""
        self._accepted_at = None

    def save(self) -> None:
        """Save the progress; without it, more is announced than needed."""
        self._saved_at = self._running
        unsent = self._unsent.number
        if self._unsent.is_at_end() and self._buffer.is_complete(unsent):
            unsent += 1
        _, error = attempt.call(
            lambda: self._directory.write(
                _NAME,
                [self._running, unsent, list(self._progress.items())],
            ),
            exception.StateUnusable,
        )
        if error is not None:
            self._throttled_log.warning(
                'save', 'Cannot save which marks are announced (%s)', error
            )

    def _load(self) -> tuple[float, int, dict[int, _Progress]]:
        loaded, error = attempt.call(
            lambda: self._directory.read(_NAME, _parse),
            exception.StateUnusable,
        )
        if error is not None:
            LOG.warning('All marks are announced again: %s', error)
        return loaded or (0.0, 0, {})

    def _due(self) -> int | None:
        """Return the number of the first file that is due."""
        for number, (completed_at, repetitions) in self._progress.items():
            if (
                repetitions < len(SCHEDULE_S)
                and self._running - completed_at >= SCHEDULE_S[repetitions]
            ):
                return number
        return None

    def _count_repetition(self, number: int) -> None:
        """Continue with the next age that the file has not reached."""
        if progress := self._progress.get(number):
            age = self._running - progress.completed_at
            self._progress[number] = progress._replace(
                repetitions=max(
                    progress.repetitions + 1,
                    sum(due <= age for due in SCHEDULE_S),
                )
            )


class _Cursor:
    """Position within one file.

    :ivar number: number of the file.
    """

    def __init__(self, buffer: mark_buffer.MarkBuffer, number: int) -> None:
        self.number = number
        self._reader: mark_file.Reader | None = buffer.reader(number)
        self._ahead: list[measurement.Measurement] = []
        self._peeked = 0

    def peek(self, limit: int) -> list[measurement.Measurement]:
        """Return the next marks; none at the end of the file."""
        while self._reader is not None and len(self._ahead) < limit:
            line = self._reader.read()
            if not line:
                break
            self._ahead += line
        marks = self._ahead[:limit]
        self._peeked = len(marks)
        return marks

    def advance(self) -> None:
        """Continue after the marks that were returned last."""
        del self._ahead[: self._peeked]
        self._peeked = 0

    def is_at_end(self) -> bool:
        """Return whether all marks of the file were returned."""
        return not self.peek(1)

    def close(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()


def _parse(
    content: list[typing.Any],
) -> tuple[float, int, dict[int, _Progress]]:
    running, unsent, progress = content
    return (
        float(running),
        int(unsent),
        {int(number): _Progress(*row) for number, row in progress},
    )
