# SPDX-License-Identifier: Apache-2.0

"""Which measurements can be true."""

from energy_meter import measurement

#: Seconds that no register is older: no agent runs for ten years, and its
#: restart ends its registers.
_OLDEST = 10 * 365.25 * 86_400


def is_plausible(word: measurement.Measurement, max_watts: float) -> bool:
    """Tell whether a register can show this.

    A maximum keeps a wrong value for ever, so an impossible one must never
    be merged.

    :param max_watts: the most that a probe can draw, in watts.
    """
    # A minute's worth is left for clocks and for the first step of a
    # coarse counter.
    limit = max_watts * (word.elapsed + 60) * 1000
    return (
        word.elapsed <= _OLDEST
        and word.millijoules <= limit
        and word.metered <= word.elapsed * 1.01 + 60
        and (word.watts is None or word.watts <= max_watts)
    )
