# SPDX-License-Identifier: Apache-2.0

"""What is known of the registers after measurements arrived."""

from collections.abc import Iterable

from energy_meter import measurement
from energy_meter.billing import history
from energy_meter.tests.model import bus


def join(arrivals: Iterable[bus.Arrival]) -> list[history.RegisterHistory]:
    """Return the histories of all registers, sorted by their keys."""
    by_register: dict[measurement.RegisterKey, list[bus.Arrival]] = {}
    for arrival in arrivals:
        key = arrival.measurement.register
        by_register.setdefault(key, []).append(arrival)
    return [_join(by_register[key]) for key in sorted(by_register)]


def _join(arrivals: list[bus.Arrival]) -> history.RegisterHistory:
    lags = [history.NO_LAG] * history.LAG_CLASSES
    marks: dict[int, measurement.Point] = {}
    for time, measured in arrivals:
        of_class = history.lag_class(measured.elapsed)
        lags[of_class] = min(lags[of_class], time - measured.elapsed)
        if measured.is_mark:
            point = _point(measured)
            known = marks.get(point.elapsed, point)
            marks[point.elapsed] = max(known, point)
    measurements = [measured for _, measured in arrivals]
    any_measured = measurements[0]
    return history.RegisterHistory(
        key=any_measured.register,
        agent_name=any_measured.probe.agent,
        after=any_measured.after,
        first=min(history.First(m.elapsed, m.timestamp) for m in measurements),
        last=max(_point(m) for m in measurements),
        synced=any(m.synced for m in measurements),
        lags=tuple(lags),
        marks=tuple(sorted(marks.values())),
    )


def _point(measured: measurement.Measurement) -> measurement.Point:
    return measurement.Point(
        measured.elapsed, measured.millijoules, measured.metered
    )
