# SPDX-License-Identifier: Apache-2.0

"""PDUs with 48 outlets: objects of an Eaton ePDU, answered by snmpd."""

import collections.abc
import typing

from energy_meter.tests.functional.services import snmpd

OUTLETS = range(1, 49)

#: Table of the outlets, and its columns.
TABLE = '1.3.6.1.4.1.534.6.6.7.6.5.1'
WATTS = f'{TABLE}.3.0'
ENERGY = f'{TABLE}.4.0'

UPTIME = '1.3.6.1.2.1.1.3.0'

#: User with authentication (SHA) and privacy (AES) in snmpd.
USER = 'sha-aes'

#: Values of a column, by outlet.
Column: typing.TypeAlias = collections.abc.Iterable[
    tuple[int | str, float | str]
]

#: Power in W and energy in Wh of each outlet.
VALUES = {outlet: (100 + outlet, 1_000_000 + outlet) for outlet in OUTLETS}


def start() -> snmpd.Snmpd:
    """Return a fixture of a PDU."""
    objects: dict[str, snmpd.Value] = {}
    for outlet, (watts, energy) in VALUES.items():
        objects[f'{WATTS}.{outlet}'] = watts
        objects[f'{ENERGY}.{outlet}'] = snmpd.Gauge(energy)
    return snmpd.Snmpd(objects)


def check(program: str, watts: Column, energy: Column) -> None:
    """Check that a program has read all values.

    :raises AssertionError: if it has not.
    """
    columns = [
        {int(outlet): float(value) for outlet, value in column}
        for column in (watts, energy)
    ]
    for number, column in enumerate(columns):
        expected = {outlet: each[number] for outlet, each in VALUES.items()}
        assert column == expected, f'{program} has read {column}'
