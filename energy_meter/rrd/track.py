# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


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

#: Share of a gap that the register must have metered, and by which wall
#: clock and monotonic clock may differ about it.
_METERED = 0.9
_CLOCK_ERROR = 0.1

#: Times are written in milliseconds.
RESOLUTION = 0.001


class Point(typing.NamedTuple):
    """Power, in watts, up to a time; None where it is unknown."""

    time: float
    watts: float | None


class Track(typing.NamedTuple):
    """What has been written of a probe.

    :ivar time: of the file's last point.
    :ivar interval: usual seconds between two measurements.
    :ivar word: the last measurement.
    """

    time: float
    interval: float | None = None
    word: measurement.Measurement | None = None


class Rules(typing.NamedTuple):
    """How points are made.

    :ivar step: seconds of the file's finest row.
    :ivar max_gap: longest gap that a register fills, in seconds.
    :ivar max_watts: what no probe can draw.
    """

    step: float
    max_gap: float
    max_watts: float


def time_of(word: measurement.Measurement) -> float:
    """Give the time of a measurement's point."""
    return round(word.time, 3)


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


def follow(track: Track, word: measurement.Measurement, rules: Rules,
           ) -> tuple[list[Point], Track]:
    """Give the points of a measurement, and what then has been written.

    :param word: one that is not refused.
    """
    time = time_of(word)
    gap = time - track.time
    ordinary = (track.interval is not None and gap <= rules.max_gap
                and gap <= _IRREGULAR * track.interval)
    watts = _possible(word.watts, rules)
    if gap <= rules.max_gap and (not ordinary or watts is None):
        mean = _possible(_mean(track.word, word), rules)
        ordinary, watts = ordinary or mean is not None, (
            watts if mean is None else mean)
    points = [Point(time, watts)]
    if not ordinary and gap >= rules.step + RESOLUTION:
        # Who knows; only of the moment itself we do.
        points.insert(0, Point(time - rules.step, None))
    return points, Track(time, _interval(track, word, gap), word)


def _possible(watts: float | None, rules: Rules) -> float | None:
    if watts is None or not math.isfinite(watts):
        return None
    return watts if 0 <= watts <= rules.max_watts else None


def _mean(before: measurement.Measurement | None,
          word: measurement.Measurement) -> float | None:
    """Give the mean power between two words of one register, in watts."""
    if before is None or before.register != word.register:
        return None
    seconds = word.elapsed - before.elapsed
    stepped = abs((word.time - before.time) - seconds)
    if (seconds <= 0 or stepped > _CLOCK_ERROR * seconds
            or word.metered - before.metered < _METERED * seconds):
        return None
    return (word.millijoules - before.millijoules) / 1000 / seconds


def _interval(track: Track, word: measurement.Measurement,
              gap: float) -> float | None:
    if track.word is None or track.word.register != word.register:
        return track.interval
    # It grows slowly, so that one gap is not taken for the new usual.
    return gap if track.interval is None else min(gap, 2 * track.interval)
