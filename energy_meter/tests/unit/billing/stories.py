# SPDX-License-Identifier: Apache-2.0

"""Registers as a collector knows them after an agent has metered for a while.

All times are dates in ms, as a perfect clock shows them.
"""

from energy_meter import measurement
from energy_meter.billing import history

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
#: A midnight in UTC.
DAY = 19_675 * 24 * HOUR
#: Length of a cell.
CELL = 15 * MINUTE
#: 1 kWh, in mJ.
KWH = 3_600_000_000

#: Agents publish at this interval.
_PUBLISH_INTERVAL = 10 * SECOND


def key(agent, register):
    """Return the key of a register of an agent, by the agent's name."""
    return measurement.RegisterKey(f'uuid-{agent}', register)


def after(register, saved):
    """Return the register that another one follows.

    :param saved: length of the register when the agent saved its state.
    """
    return measurement.Predecessor(register, saved)


def register(
    start,
    until,
    agent='a',
    name='1',
    watts=1_000,
    clock=0,
    delay=200,
    arrives=0,
    gaps=(),
    lost_marks=False,
    follows=None,
    **fields,
):
    """Return what is known of a register.

    :param clock: how far the agent's clock is ahead; with a minus, behind.
    :param delay: time for which measurements are on their way.
    :param arrives: when the bus works again; nothing arrives before.
    :param gaps: pairs of dates between which nothing was metered.
    :param lost_marks: whether no mark has arrived.
    :param follows: the register that it follows, see :func:`after`.
    """

    def point(date):
        unmetered = sum(max(0, min(date, end) - begin) for begin, end in gaps)
        metered = date - start - unmetered
        return measurement.Point(date - start, watts * metered, metered)

    first_boundary = -(-(start + clock) // CELL) * CELL - clock
    dates = {start, *range(first_boundary, until, CELL)}
    dates.update(end for gap in gaps for end in gap)
    fields.setdefault('synced', True)
    return history.RegisterHistory(
        key=key(agent, name),
        agent_name=agent,
        after=follows,
        first=history.First(0, start + clock),
        last=point(until),
        lags=_lags(start, until, delay, arrives),
        marks=() if lost_marks else tuple(map(point, sorted(dates))),
        **fields,
    )


def _lags(start, until, delay, arrives):
    """Return the lags of the measurements of the last minutes, the least."""
    lags = [history.NO_LAG] * history.LAG_CLASSES
    begin = max(start, until - history.LAG_CLASSES * MINUTE)
    for date in range(begin, until + 1, _PUBLISH_INTERVAL):
        elapsed = date - start
        number = history.lag_class(elapsed)
        lag = max(date, arrives) + delay - elapsed
        lags[number] = min(lags[number], lag)
    return tuple(lags)
