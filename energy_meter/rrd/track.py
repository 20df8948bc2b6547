# SPDX-License-Identifier: Apache-2.0


"""From the measurements of one probe to the points of its file.

A point gives power from the one before it to its own time. Between two
ordinary measurements that is the power measured at the end. When messages
were lost between them, the register still tells the energy of the time
between, and so its mean power. When nobody metered, power is unknown.
"""

import math
import typing

from energy_meter import measurement

#: Seconds by which a reading may be ahead of this machine's clock.
_AHEAD = 60.0

#: A gap longer than this many usual intervals lacks a message.
_IRREGULAR = 1.5

#: By how much the usual interval grows at most from one measurement to the
#: next: some gaps in a row are not yet the new usual.
_GROWTH = 1.05

#: Share of a gap that the register must have metered, and by which wall
#: clock and monotonic clock may differ about it.
_METERED = 0.9
_CLOCK_ERROR = 0.1

#: Times are written in milliseconds.
_RESOLUTION = 0.001


class Point(typing.NamedTuple):
    """Power, in watts, up to a time; None where it is unknown."""

    time: float
    watts: float | None


class Track(typing.NamedTuple):
    """What has been written of a probe.

    :ivar time: of the file's last point.
    :ivar watts: of that point.
    :ivar interval: usual seconds between two measurements.
    :ivar word: the last measurement.
    """

    time: float
    watts: float | None = None
    interval: float | None = None
    word: measurement.Measurement | None = None


class Rules(typing.NamedTuple):
    """How points are made.

    :ivar step: seconds of the file's finest row.
    :ivar max_gap: longest gap that a register fills, in seconds.
    :ivar max_watts: the most that a probe can draw, in watts.
    """

    step: int
    max_gap: float
    max_watts: float


def time_of(word: measurement.Measurement) -> float:
    """Give the time of a measurement's point."""
    return round(word.time, 3)


def row_start(time: float, step: int) -> int:
    """Give when the row begins that ends at a time or has it inside."""
    return math.ceil(time / step) * step - step


def resume(
    last: int,
    watts: float | None,
    interval: float | None,
    word: measurement.Measurement | None,
) -> Track:
    """Go on with a file.

    :param last: when it was last updated, in whole seconds.
    :param watts: of its last point.
    :param interval: usual seconds between two measurements.
    :param word: the last measurement that is known to be written.
    """
    if word is not None and int(time_of(word)) == last:
        return Track(time_of(word), watts, interval, word)
    return Track(last + 1 - _RESOLUTION, watts)


def is_future(word: measurement.Measurement, now: float) -> bool:
    """Tell whether a measurement can't have been made yet.

    :param now: seconds since the epoch by this machine's clock.
    """
    return word.time > now + _AHEAD


def refusal(track: Track, word: measurement.Measurement) -> str | None:
    """Tell why a measurement can't be written.

    :returns: one word for the counters, or None for one that can.
    """
    if time_of(word) > track.time:
        return None
    known = track.word
    if known is None or known.register != word.register:
        return 'late'
    if word.elapsed > known.elapsed:
        return 'clock'
    return 'repeated' if word.elapsed == known.elapsed else 'late'


def follow(
    track: Track,
    word: measurement.Measurement,
    rules: Rules,
) -> tuple[list[Point], Track]:
    """Give the points of a measurement, and what then has been written.

    :param word: one that is not refused.
    :returns: no points if it tells nothing.
    """
    time = time_of(word)
    gap = time - track.time
    regular = (
        track.interval is not None
        and gap <= rules.max_gap
        and gap <= _IRREGULAR * track.interval
    )
    watts = _possible(word.watts, rules)
    if gap <= rules.max_gap and (not regular or watts is None):
        mean = _possible(_mean(track.word, word), rules)
        if mean is not None:
            regular, watts = True, mean
    if watts is None:
        return [], track
    silence = [] if regular else _silence(track, time, rules.step)
    return (
        [*silence, Point(time, watts)],
        Track(time, watts, _interval(track, word, gap), word),
    )


def _silence(track: Track, time: float, step: int) -> list[Point]:
    """Give the points that leave power unknown since the last one.

    It is unknown for whole rows only: rrdtool takes parts of a second that
    are unknown for zero.
    """
    begin = math.ceil(track.time / step) * step
    end = row_start(time, step)
    if end <= begin:
        return []
    if begin > track.time and track.watts is not None:
        return [Point(begin, track.watts), Point(end, None)]
    return [Point(end, None)]


def _possible(watts: float | None, rules: Rules) -> float | None:
    if watts is None or not math.isfinite(watts):
        return None
    return watts if 0 <= watts <= rules.max_watts else None


def _mean(
    before: measurement.Measurement | None, word: measurement.Measurement
) -> float | None:
    """Give the mean power between two words of one register, in watts."""
    if before is None or before.register != word.register:
        return None
    seconds = word.elapsed - before.elapsed
    stepped = abs((word.time - before.time) - seconds)
    if (
        seconds <= 0
        or stepped > _CLOCK_ERROR * seconds
        or word.metered - before.metered < _METERED * seconds
    ):
        return None
    return (word.millijoules - before.millijoules) / 1000 / seconds


def _interval(
    track: Track, word: measurement.Measurement, gap: float
) -> float | None:
    if track.word is None or track.word.register != word.register:
        return track.interval
    return min(gap, _GROWTH * (track.interval or math.inf))
