# SPDX-License-Identifier: Apache-2.0

"""Objects for which a device returns an error.

An error in one object makes a whole response fail (RFC 3416, section 4.2):
a faulty outlet would cost all others. In a get request, the error index
names the object. In a walk, it names only the column, so that the object has
to be found with smaller requests.
"""

import collections.abc
import time

from oslo_log import log as logging

from energy_meter import log_throttle
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import errors
from energy_meter.drivers.snmp import objects

LOG = logging.getLogger(__name__)

Oid = engine.Oid
Values = dict[Oid, objects.Value]

#: Walks some ranges; the second argument is the number of objects that are
#: expected in each.
Walk = collections.abc.Callable[
    [collections.abc.Sequence[objects.Range], int], Values
]

#: Maximum number of responses with errors of objects, in one get operation
#: and in one walk of a column. A device with more is not read.
MAX_ERRORS = 128

#: Time in seconds after which a missing or failed object is requested again.
RETRY_S = 60.0

#: Number of objects that are assumed to follow the last one, before the next
#: column is examined.
MAX_GUESSES = 8

#: Number of objects in the first request after a failed object.
NEXT_ROWS = 8


class Failures:
    """Objects that are missing, or for which a device returned an error.

    :param oids: all objects of the get operation.
    """

    def __init__(self, oids: collections.abc.Collection[Oid]) -> None:
        self._count = len(oids)
        self._errors = 0
        # Number of the next objects among which one failed.
        self._suspects = 0
        self.responses: dict[Oid, engine.Response] = {}

    def __contains__(self, oid: Oid) -> bool:
        return oid in self.responses

    @property
    def total(self) -> engine.Response | None:
        """Last response if all of several objects failed, or None."""
        responses = list(self.responses.values())
        is_total = len(responses) == self._count > 1 and all(
            response.status in errors.ROW_STATUSES for response in responses
        )
        return responses[-1] if is_total else None

    def can_add(self, response: engine.Response) -> bool:
        """Return whether a response may be the failure of one object."""
        return response.status == errors.NO_SUCH_NAME or (
            response.status in errors.ROW_STATUSES
            and self._errors < MAX_ERRORS
        )

    def limit(self, max_objects: int) -> int:
        """Return the number of objects to request next.

        It is half of those among which one failed, until that one is found.
        """
        if not self._suspects:
            return max_objects
        return min(max_objects, max(1, self._suspects // 2))

    def add(
        self, response: engine.Response, batch: collections.abc.Sequence[Oid]
    ) -> None:
        """Add the object that failed, if it is known.

        :param batch: objects of the request.
        """
        self._errors += response.status in errors.ROW_STATUSES
        self._suspects = 0
        if 0 < response.index <= len(batch):
            self.responses[batch[response.index - 1]] = response
        elif len(batch) > 1:
            # Some devices do not report the index.
            self._suspects = len(batch)
        else:
            self.responses[batch[0]] = response

    def exclude(self, count: int) -> None:
        """Exclude objects that did not fail from the search."""
        self._suspects = max(0, self._suspects - count)


class Unavailable:
    """Objects that are not requested for some time.

    :param device: name of the device in log messages.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._since: dict[Oid, float] = {}
        self._throttled_log = log_throttle.ThrottledLogger(LOG)

    def filter(self, oids: collections.abc.Iterable[Oid]) -> list[Oid]:
        """Return the objects that may be requested now."""
        before = time.monotonic() - RETRY_S
        return [oid for oid in oids if self._since.get(oid, before) <= before]

    def update(self, failures: Failures) -> None:
        """Add the objects of a get operation that failed or are missing."""
        for oid, response in failures.responses.items():
            self._since[oid] = time.monotonic()
            if response.status in errors.ROW_STATUSES:
                name = '.'.join(map(str, oid))
                self._throttled_log.warning(
                    name,
                    '%s: error status %s of object %s, which is skipped for '
                    '%g s',
                    self._device,
                    errors.name(response.status),
                    name,
                    RETRY_S,
                )


def walk(
    walk_ranges: Walk,
    ranges: collections.abc.Sequence[objects.Range],
    rows: int,
) -> Values:
    """Return the values of all objects in some columns; None if one failed.

    :param walk_ranges: walks several ranges, and raises RowFailed.
    :param rows: maximum number of objects to request at once.
    :raises DriverError: if there is no valid response, or more than
        :data:`MAX_ERRORS` responses of a column are errors.
    """
    try:
        return walk_ranges(ranges, rows)
    except errors.RowFailed:
        pass
    values: Values = {}
    failed = []
    for column in ranges:
        try:
            values.update(walk_ranges([column], rows))
        except errors.RowFailed as e:
            values.update(e.found)
            failed.append(column)
    for column in failed:
        indexes = {
            oid[len(other.after) :]
            for other in ranges
            for oid in values
            if oid[: len(other.after)] == other.after
        }
        values.update(_Column(walk_ranges, column, indexes).walk(rows))
    return values


class _Column:
    """Column of which some objects fail.

    :param indexes: indexes of rows that other columns have.
    """

    def __init__(
        self,
        walk_ranges: Walk,
        column: objects.Range,
        indexes: collections.abc.Iterable[Oid],
    ) -> None:
        self._walk_ranges = walk_ranges
        self._column = column
        self._known = sorted(column.after + index for index in indexes)
        self._values: Values = {}
        self._skipped: tuple[Oid, errors.RowFailed] | None = None
        self._guesses = 0

    def walk(self, rows: int) -> Values:
        """Return the values of all objects; None for those that failed."""
        after = self._column.after
        for _ in range(MAX_ERRORS):
            found, error = self._attempt(after, rows)
            self._add(found, is_end=error is None)
            if error is None or self._is_end():
                return self._values
            last_error = error
            after = max(found, default=after)
            if rows > 1:
                rows = 1 if self._skipped else rows // 2
            else:
                rows = 1 if self._skipped else NEXT_ROWS
                after = self._next(after)
                self._skipped = after, error
        raise last_error.cause

    def _attempt(
        self, after: Oid, rows: int
    ) -> tuple[Values, errors.RowFailed | None]:
        remaining = objects.Range(after, self._column.last)
        try:
            return self._walk_ranges([remaining], rows), None
        except errors.RowFailed as e:
            return e.found, e

    def _is_end(self) -> bool:
        """Return whether the object that fails is beyond the column.

        A device reads the object after the last one, of another column.
        """
        if self._guesses < MAX_GUESSES or not self._values:
            return False
        self._guesses = 0
        _, error = self._attempt(self._column.last, 1)
        return error is not None

    def _add(self, found: Values, is_end: bool = False) -> None:
        """Add values, and the object that was skipped before them.

        This object exists if objects after it, or the end, can be read.
        """
        if self._skipped is not None and (found or is_end):
            oid, error = self._skipped
            others = found or self._values or dict.fromkeys(self._known)
            if {len(other) for other in others} != {len(oid)}:
                # The index may be longer: rows may have been skipped.
                raise error.cause
            self._values[oid] = None
        if found or is_end:
            self._skipped, self._guesses = None, 0
        self._values.update(found)

    def _next(self, after: Oid) -> Oid:
        """Return the first object that may follow another."""
        for oid in self._known:
            if oid > after:
                return oid
        self._guesses += 1
        if after == self._column.after:
            return (*after, 0)
        return (*after[:-1], after[-1] + 1)
