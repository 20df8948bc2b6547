# SPDX-License-Identifier: Apache-2.0

"""Fuzzing target: bills are correct for any measurements.

The measurements are those that an envelope can contain, plausible or not, in
any order, as from defective or malicious agents. Some registers are voided.
"""

import dataclasses
import itertools

from energy_meter import measurement
from energy_meter.billing import bill
from energy_meter.billing import history
from energy_meter.tests.fuzz import draw

_AGENTS = tuple(
    f'{letter * 8}-0000-0000-0000-000000000000' for letter in 'abc'
)
_MAX_MEASUREMENTS = 50
_NOW_MS = 1_700_000_000_000
_MAX_ELAPSED_MS = 86_400_000
#: A date before and after all others.
_BEFORE_MS, _AFTER_MS = -(2**62), 2**62

_Histories = dict[measurement.RegisterKey, history.RegisterHistory]


def seeds() -> list[bytes]:
    """Return the initial inputs."""
    return [bytes(64), bytes(range(256)) * 2, b'\x01' * 256]


def run(data: bytes) -> None:
    """Bill the registers of a probe.

    :raises AssertionError: if the bill breaks a rule.
    """
    source = draw.Draw(data)
    received: list[tuple[measurement.Measurement, int]] = []
    now = _NOW_MS
    while source and len(received) < _MAX_MEASUREMENTS:
        now += source.integer(2**20)
        received.append((_measurement(source, now), now))
    histories = _join(received)
    voided = {key for key in histories if source.integer(8) == 1}
    for key in voided:
        histories[key] = dataclasses.replace(histories[key], voided=True)
    _check(list(histories.values()))
    again = _join([*reversed(received), *received])
    assert again.keys() == histories.keys()
    for key in again.keys() - voided:
        assert again[key] == histories[key], 'the order of messages matters'


def _measurement(source: draw.Draw, now: int) -> measurement.Measurement:
    """Return a measurement; one in four has values of any magnitude."""
    elapsed = source.integer(_MAX_ELAPSED_MS)
    if source.integer(4):
        millijoules = source.integer(2**32)
        timestamp = now + source.integer(2**23) - 2**22
    else:
        millijoules = source.integer(measurement.INTEGER_LIMIT)
        timestamp = source.integer(measurement.INTEGER_LIMIT)
    after = measurement.Predecessor(
        f'{source.integer(3):016x}', source.integer(_MAX_ELAPSED_MS)
    )
    name = source.choice('xyz')
    return measurement.Measurement(
        measurement.Series(
            measurement.Probe('p', 'node', 'p', 'w', 'dummy', name),
            measurement.RegisterKey(
                source.choice(_AGENTS), f'{source.integer(3):016x}'
            ),
            after if source.integer(2) else None,
            source.integer(2) == 1,
        ),
        timestamp,
        elapsed,
        millijoules,
        elapsed if source.integer(2) else source.integer(2**40),
        is_mark=source.integer(2) == 1,
    )


def _join(
    received: list[tuple[measurement.Measurement, int]],
) -> _Histories:
    """Return what a collector keeps of measurements.

    Identities come from the smallest measurement of a register, so that they
    do not depend on the order, either.

    :param received: measurements, and when they arrived.
    """
    registers: dict[
        measurement.RegisterKey, list[tuple[measurement.Measurement, int]]
    ] = {}
    for each in received:
        registers.setdefault(each[0].register, []).append(each)
    return {key: _history(joined) for key, joined in registers.items()}


def _history(
    joined: list[tuple[measurement.Measurement, int]],
) -> history.RegisterHistory:
    identity = min((received for received, _ in joined), key=repr)
    points = sorted({_point(received) for received, _ in joined})
    marks = {
        point.elapsed: point
        for point in sorted(
            _point(received) for received, _ in joined if received.is_mark
        )
    }
    lags = [history.NO_LAG] * history.LAG_CLASSES
    for received, now in joined:
        number = history.lag_class(received.elapsed)
        lags[number] = min(lags[number], now - received.elapsed)
    return history.RegisterHistory(
        identity.register,
        identity.probe.agent,
        identity.after,
        min(
            history.First(received.elapsed, received.timestamp)
            for received, _ in joined
        ),
        points[-1],
        any(received.synced for received, _ in joined),
        tuple(lags),
        tuple(marks.values()),
    )


def _point(received: measurement.Measurement) -> measurement.Point:
    return measurement.Point(
        received.elapsed, received.millijoules, received.metered
    )


def _check(histories: list[history.RegisterHistory]) -> None:
    result = bill.bill(histories)
    assert result == bill.bill(histories[::-1]), 'the order matters'
    valid = [known for known in histories if not known.voided]
    reported = sum(known.last.millijoules for known in valid)
    overlap = sum(share.millijoules for share in result.overlaps.values())
    assert result.total.millijoules == reported - overlap, 'the sum is wrong'
    assert min(result.total) >= 0, result.total
    for share in result.overlaps.values():
        assert min(share) >= 0, share
    if not result.plural:
        assert not result.overlaps, 'a line overlaps with itself'
    _check_dates(histories, result)


def _check_dates(
    histories: list[history.RegisterHistory], result: bill.Bill
) -> None:
    """Check that the energy by date rises to the total."""
    opened = sorted(
        opening.opened + elapsed
        for opening in result.openings.values()
        for elapsed in (0, _MAX_ELAPSED_MS // 3, _MAX_ELAPSED_MS)
    )
    dates = [_BEFORE_MS, *opened, _AFTER_MS]
    energies = [bill.energy_at(histories, result, date) for date in dates]
    assert energies[0] == 0, energies
    assert energies[-1] == result.total.millijoules, energies
    for earlier, later in itertools.pairwise(energies):
        assert earlier <= later, 'the energy falls'
