# SPDX-License-Identifier: Apache-2.0

"""What a reader of the bus does not believe."""

from energy_meter import complaint
from energy_meter import counters
from energy_meter import exception


class Rejections:
    """Counts what is rejected, by cause, and complains of it.

    :param counts: counts it as ``rejected``.
    """

    def __init__(
        self, counts: counters.Counters, complaints: complaint.Complaints
    ) -> None:
        self._counters = counts
        self._complaints = complaints

    def add(self, error: exception.RejectedMessage) -> None:
        """Reject what the error tells of.

        To be called outside its handler, or oslo.log would add the error
        once more.
        """
        self._counters.count('rejected', cause=error.cause)
        self._complaints.complain(error.cause, 'Rejected a message: %s', error)

    def add_unreadable(self) -> None:
        """Reject a message that is no notification."""
        self.add(
            exception.RejectedMessage(
                cause='unreadable', reason='it is no notification'
            )
        )
