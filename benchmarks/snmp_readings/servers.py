# SPDX-License-Identifier: Apache-2.0

"""Services that read PDUs over SNMP."""

import collections.abc
import os
import re
import socket
import time
import typing

import psutil
import requests
import yaml

from benchmarks.snmp_readings import pdu
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import snmpd

#: Interval in seconds between two readings of a PDU by collectd.
INTERVAL_S = 0.1

#: snmpInPkts (RFC 3418): number of requests that a device has received.
_RECEIVED = '1.3.6.1.2.1.11.1.0'

#: Number of requests that collectd needs for a reading.
_REQUESTS = 3


class Exporter(base.Process):
    """Program prometheus-snmp-exporter; a scrape reads one PDU.

    :param version: SNMP version, 2c or 3.
    """

    def __init__(self, pdus: list[snmpd.Snmpd], version: str) -> None:
        port = base.free_port()
        self._url = f'http://127.0.0.1:{port}/snmp'
        self._targets = [f'{device.address}:{device.port}' for device in pdus]
        self._version = version
        super().__init__(
            [
                'prometheus-snmp-exporter',
                '--config.file=snmp.yml',
                f'--web.listen-address=127.0.0.1:{port}',
            ],
            ready=lambda: base.listening(port),
        )

    def prepare(self) -> None:
        """Write its configuration."""
        module = {
            'walk': [pdu.WATTS, pdu.ENERGY],
            'get': [pdu.UPTIME],
            'max_repetitions': len(pdu.OUTLETS),
            'metrics': [
                {'name': 'uptime', 'oid': pdu.UPTIME, 'type': 'gauge'},
                _metric('watts', pdu.WATTS),
                _metric('energy', pdu.ENERGY),
            ],
            **self._access(),
        }
        (self.directory / 'snmp.yml').write_text(
            yaml.safe_dump({'pdu': module})
        )

    def _access(self) -> dict[str, typing.Any]:
        if self._version == '2c':
            return {'version': 2, 'auth': {'community': snmpd.READ_COMMUNITY}}
        return {
            'version': 3,
            'auth': {
                'security_level': 'authPriv',
                'username': pdu.USER,
                'auth_protocol': 'SHA',
                'password': snmpd.AUTH_PASSWORD,
                'priv_protocol': 'AES',
                'priv_password': snmpd.PRIV_PASSWORD,
            },
        }

    def measure(self, readings: int) -> float:
        """Read PDUs in turn.

        :returns: CPU time of a reading in ms.
        :raises AssertionError: if a value is wrong.
        """
        before = _cpu(self.pid)
        with requests.Session() as client:
            for number in range(readings):
                target = self._targets[number % len(self._targets)]
                response = client.get(
                    self._url,
                    params={'target': target, 'module': 'pdu'},
                    timeout=20,
                )
        cost = _cpu(self.pid) - before
        pdu.check(
            'prometheus-snmp-exporter',
            *(
                re.findall(
                    rf'^{name}{{outlet="(\d+)"}} (\S+)$',
                    response.text,
                    re.MULTILINE,
                )
                for name in ('watts', 'energy')
            ),
        )
        return 1000 * cost / readings


class Collectd(base.Process):
    """Plugin snmp of collectd; it writes nothing to disk.

    :param version: SNMP version, 2c or 3.
    """

    def __init__(self, pdus: list[snmpd.Snmpd], version: str) -> None:
        self._pdus = pdus
        self._version = version
        super().__init__(
            ['collectd', '-f', '-C', 'collectd.conf'],
            ready=lambda: len(self._ask('LISTVAL')) > len(pdu.OUTLETS),
        )

    def prepare(self) -> None:
        """Write its configuration."""
        (self.directory / 'types.db').write_text(
            'outlet watts:GAUGE:0:U, energy:GAUGE:0:U\n'
        )
        (self.directory / 'collectd.conf').write_text(
            '\n'.join(self._configuration()) + '\n'
        )

    def _configuration(self) -> collections.abc.Iterator[str]:
        yield f'Interval {INTERVAL_S}'
        yield f'PIDFile "{self.directory}/pid"'
        yield f'BaseDir "{self.directory}"'
        yield f'TypesDB "{self.directory}/types.db"'
        yield 'LoadPlugin unixsock'
        yield f'<Plugin unixsock>\nSocketFile "{self._socket}"\n</Plugin>'
        yield 'LoadPlugin snmp'
        yield '<Plugin snmp>\n<Data "outlets">\nType "outlet"\nTable true'
        yield f'Values "{pdu.WATTS}" "{pdu.ENERGY}"\n</Data>'
        for number, device in enumerate(self._pdus):
            yield f'<Host "pdu-{number}">'
            yield f'Address "{device.address}:{device.port}"'
            yield from self._access()
            yield f'BulkSize {len(pdu.OUTLETS)}\nCollect "outlets"'
            yield f'Interval {INTERVAL_S}\n</Host>'
        yield '</Plugin>'
        # Without this, it logs for each value that nothing is written.
        yield '<Chain "PostCache">\nTarget "stop"\n</Chain>'

    def _access(self) -> collections.abc.Iterator[str]:
        if self._version == '2c':
            yield f'Version 2\nCommunity "{snmpd.READ_COMMUNITY}"'
            return
        yield f'Version 3\nSecurityLevel "authPriv"\nUsername "{pdu.USER}"'
        yield f'AuthProtocol "SHA"\nAuthPassphrase "{snmpd.AUTH_PASSWORD}"'
        yield 'PrivacyProtocol "AES"'
        yield f'PrivacyPassphrase "{snmpd.PRIV_PASSWORD}"'

    @property
    def _socket(self) -> str:
        return os.fspath(self.directory / 'socket')

    def measure(self, readings: int) -> float:
        """Wait until collectd has read the PDUs.

        :returns: CPU time of a reading in ms.
        :raises AssertionError: if a value is wrong, or if collectd has not
            read at its interval.
        """
        before, began = _cpu(self.pid), self._requests()
        start = time.monotonic()
        time.sleep(readings * INTERVAL_S / len(self._pdus))
        cost, ended = _cpu(self.pid) - before, self._requests()
        expected = (time.monotonic() - start) / INTERVAL_S * len(self._pdus)
        # Each PDU has also received one request for this number.
        found = (ended - began - len(self._pdus)) / _REQUESTS
        assert abs(found - expected) < 0.3 * expected, (
            f'{found} readings, not {expected}'
        )
        names = [f'pdu-0/snmp/outlet-{outlet}' for outlet in pdu.OUTLETS]
        values = [self._ask(f'GETVAL "{name}"') for name in names]
        pdu.check(
            'collectd',
            *(
                [
                    (outlet, lines[number].partition('=')[2])
                    for outlet, lines in zip(pdu.OUTLETS, values, strict=True)
                ]
                for number in range(2)
            ),
        )
        return 1000 * cost / found

    def _requests(self) -> int:
        """Return the number of requests that the PDUs have received."""
        return sum(
            int(
                base.run(
                    [
                        *('snmpget', '-v2c', '-c', snmpd.READ_COMMUNITY),
                        *('-m', '', '-Oqv'),
                        f'{device.address}:{device.port}',
                        _RECEIVED,
                    ],
                    env={'SNMPCONFPATH': os.devnull},
                )
            )
            for device in self._pdus
        )

    def _ask(self, command: str) -> list[str]:
        """Return collectd's answer to a command, without its first line."""
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(self._socket)
            except OSError:
                return []
            with client.makefile('rw') as stream:
                stream.write(command + '\n')
                stream.flush()
                count = int(stream.readline().split()[0])
                return [stream.readline().strip() for _ in range(count)]


def _metric(name: str, oid: str) -> dict[str, typing.Any]:
    return {
        'name': name,
        'oid': oid,
        'type': 'gauge',
        'indexes': [{'labelname': 'outlet', 'type': 'gauge'}],
    }


def _cpu(pid: int) -> float:
    """Return the CPU time of a process in seconds."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
