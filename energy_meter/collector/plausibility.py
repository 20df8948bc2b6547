# SPDX-License-Identifier: Apache-2.0

"""Range check of measurements."""

import collections.abc

from energy_meter import measurement

#: Maximum age of a register: ten years. No agent runs as long without a
#: restart, which closes its registers.
_MAX_REGISTER_AGE_MS = 3652 * 86_400_000
#: Tolerance for clocks, and for the first step of a coarse counter.
_TOLERANCE_MS = 60_000


class Limits:
    """Limits of what a register can claim.

    :param site_watts: maximum power of any probe, in watts.
    :param probe_watts: maximum power of the probes for which it is known,
        instead of that of the site.
    """

    def __init__(
        self,
        site_watts: float,
        probe_watts: collections.abc.Mapping[str, float],
    ) -> None:
        self._site_watts = site_watts
        self._probe_watts = probe_watts

    def max_watts(self, probe: str) -> float:
        """Return the maximum power of a probe, in watts."""
        return self._probe_watts.get(probe, self._site_watts)

    def is_plausible(self, received: measurement.Measurement) -> bool:
        """Check that the values of a measurement are possible.

        The collector keeps the maximum of each register, so an impossible
        value would stay for ever once merged.
        """
        series, _, elapsed, millijoules, metered, watts, *_ = received
        site_watts = self._site_watts
        max_watts = self._probe_watts.get(series.probe.id, site_watts)
        # A watt is a millijoule per ms. One step of a coarse counter is more
        # than a small probe uses in the tolerance.
        return (
            elapsed <= _MAX_REGISTER_AGE_MS
            and millijoules
            <= max_watts * elapsed + _TOLERANCE_MS * max(max_watts, site_watts)
            and metered <= elapsed * 1.01 + _TOLERANCE_MS
            and (watts is None or watts <= max_watts)
        )
