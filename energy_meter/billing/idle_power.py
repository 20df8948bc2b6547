# SPDX-License-Identifier: Apache-2.0

"""Power of an idle host, estimated from its intervals."""

import collections.abc
import enum
import statistics
import typing

#: Minimum share of an interval for which energy and usage are known.
MIN_COVERAGE = 0.98
#: Share of intervals that are left out at either end of the busy times when
#: their spread is judged, so that one exceptional hour proves nothing.
_OUTLIERS = 0.05
#: Minimum range of busy CPUs for a line; squares of smaller ones can be 0.
_MIN_RANGE = 1e-6
#: Share of intervals with less energy than an idle host needs, above which
#: the idle power is too high.
_MAX_BELOW = 0.01


class Source(enum.StrEnum):
    """Where the power of an idle host comes from.

    ``CONFIGURED``: the operator measured it. ``FITTED``: the intercept of
    power on busy CPUs. ``ESTIMATED``: the lowest power seen, because the host
    was never much more or less busy than usual.
    """

    CONFIGURED = 'configured'
    FITTED = 'fitted'
    ESTIMATED = 'estimated'


class Load(typing.NamedTuple):
    """Load of a host in an interval.

    :ivar watts: mean power in W.
    :ivar busy: mean number of busy CPUs.
    """

    watts: float
    busy: float


class IdlePower(typing.NamedTuple):
    """Power of an idle host in W, and where it comes from."""

    watts: float
    source: Source


def estimate(
    loads: collections.abc.Sequence[Load],
) -> IdlePower | None:
    """Return the idle power that fits the load of a host.

    The line that fits power on busy CPUs best meets zero busy CPUs at the
    idle power. The distance to zero must not be greater than the range that
    was seen: a host that was always 80 to 90 percent busy does not show what
    it needs when it is idle.

    :param loads: of intervals of which at least :data:`MIN_COVERAGE` is known.
    :returns: at least zero, at most the lowest power seen; None if there are
        no intervals.
    """
    if not loads:
        return None
    lowest = max(min(each.watts for each in loads), 0.0)
    busy = sorted(each.busy for each in loads)
    outliers = int(_OUTLIERS * len(busy))
    least, most = busy[outliers], busy[-1 - outliers]
    if most - least < max(least, _MIN_RANGE):
        return IdlePower(lowest, Source.ESTIMATED)
    line = statistics.linear_regression(
        [each.busy for each in loads], [each.watts for each in loads]
    )
    return IdlePower(min(max(line.intercept, 0.0), lowest), Source.FITTED)


def is_too_high(watts: float, loads: collections.abc.Collection[Load]) -> bool:
    """Return whether a host needs less than its idle power, again and again.

    :param watts: idle power that was used for the intervals.
    """
    below = sum(each.watts < watts for each in loads)
    return below > _MAX_BELOW * len(loads)
