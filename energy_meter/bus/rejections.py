# SPDX-License-Identifier: Apache-2.0

"""Counts and logs messages that fail verification."""

from energy_meter import exception
from energy_meter import log_throttle
from energy_meter.telemetry import counters


class Rejections:
    """Counts rejected messages by reason and logs them.

    :param counts: counts them as ``envelopes_rejected``.
    """

    def __init__(
        self,
        counts: counters.Counters,
        throttled_log: log_throttle.ThrottledLogger,
    ) -> None:
        self._counters = counts
        self._throttled_log = throttled_log

    def add(self, error: exception.RejectedMessage) -> None:
        """Count and log a rejected message.

        Call it after the ``except`` block: inside it oslo.log appends the
        active exception to the line.
        """
        self._counters.count('envelopes_rejected', reason=error.reason)
        self._throttled_log.warning(
            f'{error.reason} {error.sender}', 'Rejected a message: %s', error
        )
