# SPDX-License-Identifier: Apache-2.0

"""Range check of measurements."""

from energy_meter import measurement

#: Maximum age of a register: ten years. No agent runs as long without a
#: restart, which closes its registers.
_MAX_REGISTER_AGE_MS = 3652 * 86_400_000
#: Tolerance for clocks, and for the first step of a coarse counter.
_TOLERANCE_MS = 60_000


def is_plausible(received: measurement.Measurement, max_watts: float) -> bool:
    """Check that the values of a measurement are possible.

    The collector keeps the maximum of each register, so an impossible value
    would stay for ever once merged.

    :param max_watts: maximum power of a probe, in watts.
    """
    # A watt is a millijoule per ms.
    max_millijoules = max_watts * (received.elapsed + _TOLERANCE_MS)
    max_metered = received.elapsed * 1.01 + _TOLERANCE_MS
    return (
        received.elapsed <= _MAX_REGISTER_AGE_MS
        and received.millijoules <= max_millijoules
        and received.metered <= max_metered
        and (received.watts is None or received.watts <= max_watts)
    )
