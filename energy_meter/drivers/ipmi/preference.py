# SPDX-License-Identifier: Apache-2.0

"""Choice between several sources of a machine's power."""

import collections.abc
import logging
import time

from energy_meter import exception
from energy_meter.drivers.ipmi import session as ipmi_session
from energy_meter.drivers.ipmi import sources

LOG = logging.getLogger(__name__)

#: Minimum interval in seconds between two comparisons of the sources.
COMPARISON_INTERVAL_S = 60.0


class Preferred(sources.Source):
    """First of several sources that shows power.

    The sources are compared at login. They are compared again, at most once a
    minute, while another source than the first is read, or while the source
    has no value or 0 W. DCMI for example is inactive while the machine
    starts, and some BMCs return 0 W for a measurement that does not work.

    :param candidates: sources in order of preference.
    """

    def __init__(
        self,
        session: ipmi_session.Session,
        candidates: collections.abc.Sequence[sources.Source],
    ) -> None:
        super().__init__(session)
        self._candidates = candidates
        self._due = 0.0
        self._current = candidates[0]
        self.name = self._current.name

    def select(self) -> None:
        """Select a source at login.

        :raises CommandFailed: if a source is busy.
        :raises ProtocolError: if the BMC supports none of the sources.
        """
        values, errors = self._read_candidates()
        for error in errors:
            if isinstance(error, ipmi_session.CommandFailed) and error.is_busy:
                raise error
        if not values:
            raise exception.ProtocolError(
                device=self._session.device,
                reason='; '.join(str(e.values['reason']) for e in errors),
            )
        self._current, _ = _best(values)
        self.name = self._current.name

    def read(self) -> float | None:
        try:
            watts = self._current.read()
        except ipmi_session.CommandFailed as e:
            if e.is_busy or not e.is_temporary:
                raise
            watts = None
        if watts and self._current is self._candidates[0]:
            self._due = 0.0
            return watts
        if len(self._candidates) == 1 or time.monotonic() < self._due:
            return watts
        self._due = time.monotonic() + COMPARISON_INTERVAL_S
        return self._compare(watts)

    def _compare(self, watts: float | None) -> float | None:
        """Select a better source than the current one, if there is one.

        :param watts: value of the current source.
        :returns: value of the selected source.
        """
        values, _ = self._read_candidates()
        if not values:
            return watts
        best, best_watts = _best(values)
        if best is self._current or best_watts is None:
            return watts
        if best_watts == watts == 0:
            return watts
        LOG.info(
            '%s: power source: %s with %g W, instead of %s',
            self._session.device,
            best.name,
            best_watts,
            self._current.name,
        )
        self._current = best
        self.name = best.name
        if best is self._candidates[0]:
            self._due = 0.0
        return best_watts

    def _read_candidates(
        self,
    ) -> tuple[
        list[tuple[sources.Source, float | None]],
        list[exception.ProtocolError],
    ]:
        """Return the sources up to the first that shows power, and errors."""
        values: list[tuple[sources.Source, float | None]] = []
        errors = []
        for source in self._candidates:
            try:
                watts = source.read()
            except exception.ProtocolError as e:
                errors.append(e)
                continue
            values.append((source, watts))
            if watts:
                break
        return values, errors


def _best(
    values: list[tuple[sources.Source, float | None]],
) -> tuple[sources.Source, float | None]:
    """Return the first source with power, else with 0 W, else the first."""
    for source, watts in values:
        if watts:
            return source, watts
    for source, watts in values:
        if watts is not None:
            return source, watts
    return values[0]
