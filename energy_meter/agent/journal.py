# SPDX-License-Identifier: Apache-2.0

"""The journal: what registers showed, kept for the next incarnation.

The last word of a register that ended is one that nobody repeats. So an
agent writes the words of all its registers every few seconds, and the next
incarnation, for which they have all ended, announces them.
"""

import typing

from energy_meter import measurement
from energy_meter.agent import ledger
from energy_meter.agent import state

_NAME = 'journal.json'


def save(directory: state.StateDirectory, registers: ledger.Ledger) -> None:
    """Write the journal.

    :raises StateUnusable: when it can't be written.
    """
    entries = [
        ledger.Ended(word, ledger.ANNOUNCED_FOR) for word in registers.words()
    ] + registers.ended()
    directory.write(_NAME, [(*word, left) for word, left in entries])


def load(directory: state.StateDirectory) -> list[ledger.Ended]:
    """Read the registers of earlier incarnations.

    :raises StateUnusable: when there is a journal but it can't be read.
    """
    return directory.read(_NAME, _entries) or []


def _entries(rows: list[typing.Any]) -> list[ledger.Ended]:
    return [_entry(row) for row in rows]


def _entry(row: list[typing.Any]) -> ledger.Ended:
    probe, key, *rest, left = row
    return ledger.Ended(
        measurement.Measurement(
            measurement.Probe(*probe), measurement.RegisterKey(*key), *rest
        ),
        left,
    )
