# SPDX-License-Identifier: Apache-2.0

"""Programs that read PDUs over SNMP and exit."""

import json
import os
import re
import resource
import sys

from benchmarks.snmp_readings import pdu
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import snmpd

#: Readings by gufo-snmp for each one that is asked for: it is fast.
_GUFO_FACTOR = 10


class Bulkwalk:
    """Command snmpbulkwalk of net-snmp, one process for each reading.

    :param version: SNMP version, 2c or 3.
    """

    def __init__(self, pdus: list[snmpd.Snmpd], version: str) -> None:
        self._targets = [f'{device.address}:{device.port}' for device in pdus]
        access = (
            ['-v2c', '-c', snmpd.READ_COMMUNITY]
            if version == '2c'
            else [
                *('-v3', '-l', 'authPriv', '-u', pdu.USER),
                *('-a', 'SHA', '-A', snmpd.AUTH_PASSWORD),
                *('-x', 'AES', '-X', snmpd.PRIV_PASSWORD),
            ]
        )
        self._command = ['snmpbulkwalk', '-m', '', '-Onq', '-Cr48', *access]

    def measure(self, readings: int) -> float:
        """Read PDUs in turn.

        :returns: CPU time of a reading in ms.
        :raises AssertionError: if a value is wrong.
        """
        before = _children()
        for number in range(readings):
            target = self._targets[number % len(self._targets)]
            output = base.run(
                [*self._command, target, pdu.TABLE],
                env={'SNMPCONFPATH': os.devnull},
            )
        cost = _children() - before
        pdu.check(
            'snmpbulkwalk',
            *(
                re.findall(rf'^\.{column}\.(\d+) (\d+)$', output, re.MULTILINE)
                for column in (pdu.WATTS, pdu.ENERGY)
            ),
        )
        return 1000 * cost / readings


class Gufo:
    """Library gufo-snmp, one process for all readings.

    :param version: SNMP version, 2c or 3.
    """

    def __init__(self, pdus: list[snmpd.Snmpd], version: str) -> None:
        self._options = {
            'ports': [device.port for device in pdus],
            'community': snmpd.READ_COMMUNITY,
            'user': pdu.USER if version == '3' else None,
            'auth': snmpd.AUTH_PASSWORD,
            'priv': snmpd.PRIV_PASSWORD,
            'uptime': pdu.UPTIME,
            'columns': [pdu.WATTS, pdu.ENERGY],
            'rows': len(pdu.OUTLETS),
        }

    def measure(self, readings: int) -> float:
        """Read PDUs in turn.

        :returns: CPU time of a reading in ms.
        :raises AssertionError: if a value is wrong.
        """
        readings *= _GUFO_FACTOR
        options = json.dumps(self._options | {'readings': readings})
        module = 'benchmarks.snmp_readings.gufo_reader'
        seconds, columns = json.loads(
            base.run([sys.executable, '-m', module, options])
        )
        pdu.check(
            'gufo-snmp',
            *(
                [
                    (oid.rpartition('.')[2], value)
                    for oid, value in column.items()
                ]
                for column in columns
            ),
        )
        return float(1000 * seconds / readings)


def _children() -> float:
    """Return the CPU time of all processes that have ended, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
