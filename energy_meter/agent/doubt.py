# SPDX-License-Identifier: Apache-2.0

"""Readings that bill nothing, and in words why not."""

import logging
import typing

from energy_meter import complaint
from energy_meter import counters
from energy_meter import measurement
from energy_meter import register

LOG = logging.getLogger(__name__)

_REFUSED = {
    'empty': 'neither power nor energy',
    'not-finite': 'a value is no finite number',
    'negative': 'a value is negative',
    'too-large': 'more than max_watts = {max_watts:g}',
}


class Doubt(typing.NamedTuple):
    """What is wrong with a reading.

    :ivar reason: one word, for the counters.
    :ivar text: the same for people.
    :ivar refused: the reading is dropped; otherwise its power is shown, but
        no energy is billed by it.
    """

    reason: str
    text: str
    refused: bool


def find(
    reading: measurement.Reading, max_watts: float, energy: str
) -> Doubt | None:
    """Tell what is wrong with a reading.

    :param max_watts: the most that its probe can draw, in watts.
    :param energy: ``auto``, ``counter`` or ``integrate``.
    """
    reason = register.refusal(reading, max_watts)
    if reason is not None:
        text = _REFUSED[reason].format(max_watts=max_watts)
        shown = _shown(reading)
        return Doubt(
            reason,
            f'the reading is refused: {text}'
            + (f' ({shown})' if shown else ''),
            True,
        )
    if energy == 'counter' and reading.ticks is None:
        return Doubt(
            'no-counter',
            'no energy is billed: energy = counter, '
            'but there is no energy counter',
            False,
        )
    if energy == 'integrate' and reading.watts is None:
        return Doubt(
            'no-power',
            'no energy is billed: energy = integrate, '
            'but there is no power, only an energy counter',
            False,
        )
    return None


def _shown(reading: measurement.Reading) -> str:
    return ', '.join(
        f'{value:.10g} {unit}'
        for value, unit in (
            (reading.watts, 'W'),
            (reading.ticks, 'ticks'),
            (reading.volts, 'V'),
            (reading.amperes, 'A'),
        )
        if value is not None
    )


class Doubts:
    """Counts doubtful readings, and complains once of each probe and reason.

    Repetitions are complained of less and less often. A good reading in
    between changes nothing: every other one may be doubtful.
    """

    def __init__(self, counts: counters.Counters) -> None:
        self._counters = counts
        self._complaints = complaint.Complaints(LOG)

    def note(self, probe: str, doubt: Doubt) -> None:
        """Take a doubtful reading of a probe."""
        self._counters.count(
            'refused_readings' if doubt.refused else 'unbilled_readings',
            reason=doubt.reason,
        )
        self._complaints.complain(
            f'{doubt.reason} {probe}', 'Probe %s: %s', probe, doubt.text
        )

    def note_late(self) -> None:
        """Take a reading that is not newer than the last.

        That is ordinary: whoever opens a page or a database anew finds what
        was read from it before.
        """
        self._counters.count('refused_readings', reason='late')
