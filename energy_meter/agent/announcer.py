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

#: Age of a file, in seconds of running time since it was complete, at each
#: announcement after the first. A file is complete after five minutes.
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
        self._running, self._sent, self._progress = self._load()
        if announce_all:
            self._sent = 0
        self._saved_at = self._running
        self._accepted_at: float | None = None
        self._unsent: _Cursor | None = None
        self._repeated: _Cursor | None = None
        self._unwritten: list[measurement.Measurement] = []
        self._returned_unwritten = 0

    def collect(self) -> None:
        """Write new marks to the disk, before they are published."""
        if not self._buffer.flush() and not self._unwritten:
            self._unwritten = self._buffer.take_unwritten()

    def next_unsent(self, limit: int) -> list[measurement.Measurement]:
        """Return marks that were not announced yet, the oldest first.

        They are returned again until :meth:`sent_unsent`. Those that could
        not be written come last.
        """
        marks = self._next_written(limit)
        unwritten = [] if marks else self._unwritten[:limit]
        self._returned_unwritten = len(unwritten)
        return marks or unwritten

    def _next_written(self, limit: int) -> list[measurement.Measurement]:
        while True:
            if self._unsent is None:
                number = self._following(self._sent)
                if number is None:
                    return []
                self._unsent = _Cursor(self._buffer, number)
            # First of all: a file is complete once it was read after this.
            is_complete = self._buffer.is_complete(self._unsent.number)
            marks = self._unsent.peek(limit)
            if marks or not is_complete:
                return marks
            self._unsent.close()
            self._sent = self._unsent.number
            self._unsent = None

    def sent_unsent(self) -> None:
        """Continue after the marks that were returned."""
        if self._returned_unwritten:
            del self._unwritten[: self._returned_unwritten]
        elif self._unsent is not None:
            self._unsent.advance()

    def unsent_size(self) -> int:
        """Return the size of the marks that were not announced, in bytes.

        Any thread may call it.
        """
        size = self._buffer.size_after(self._sent)
        cursor = self._unsent
        return size if cursor is None else max(size - cursor.passed, 0)

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
        """Add to the running time: the bus accepts messages."""
        if self._accepted_at is not None:
            self._running += monotonic - self._accepted_at
        self._accepted_at = monotonic
        numbers = self._buffer.numbers()
        for number in numbers:
            if number <= self._sent:
                self._progress.setdefault(number, _Progress(self._running, 0))
        for number in self._progress.keys() - set(numbers):
            del self._progress[number]
        for number, progress in list(self._progress.items()):
            if self._running - progress.completed_at >= KEEP_S:
                self._buffer.delete(number)
        if self._running - self._saved_at >= _SAVE_INTERVAL_S:
            self._save()

    def fail(self) -> None:
        """Stop the running time: the bus does not accept messages."""
        self._accepted_at = None

    def close(self) -> None:
        """Save the progress when nothing is published any more."""
        self._buffer.close()
        self._next_written(1)
        self._save()

    def _save(self) -> None:
        """Save the progress; without it, more is announced than needed."""
        self._saved_at = self._running
        _, error = attempt.call(
            lambda: self._directory.write(
                _NAME,
                [self._running, self._sent, list(self._progress.items())],
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

    def _following(self, number: int) -> int | None:
        """Return the number of the next file."""
        later = (other for other in self._buffer.numbers() if other > number)
        return next(later, None)

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
    :ivar passed: size of what is before the position, in bytes.
    """

    def __init__(self, buffer: mark_buffer.MarkBuffer, number: int) -> None:
        self.number = number
        self._buffer = buffer
        self._reader: mark_file.Reader | None = buffer.reader(number)
        self.passed = 0
        self._ahead: list[measurement.Measurement] = []
        self._peeked = 0

    def peek(self, limit: int) -> list[measurement.Measurement]:
        """Return the next marks; none at the end of the file."""
        while self._reader is not None and len(self._ahead) < limit:
            # Behind that size, a block may be written at this moment.
            block = self._reader.read(self._buffer.size_of(self.number))
            if not block:
                break
            self._ahead += block
        marks = self._ahead[:limit]
        self._peeked = len(marks)
        return marks

    def advance(self) -> None:
        """Continue after the marks that were returned last."""
        del self._ahead[: self._peeked]
        self._peeked = 0
        if self._reader is not None and not self._ahead:
            self.passed = self._reader.offset

    def close(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()


def _parse(
    content: list[typing.Any],
) -> tuple[float, int, dict[int, _Progress]]:
    running, sent, progress = content
    return (
        float(running),
        int(sent),
        {int(number): _Progress(*row) for number, row in progress},
    )
