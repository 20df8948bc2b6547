# SPDX-License-Identifier: Apache-2.0

"""Prometheus and VictoriaMetrics, which receive samples by remote write.

The requests are made before they are timed, so that no sender counts. They are
not compressed: a block of Snappy may be one literal, which costs the database
less than a compressed one.
"""

import struct
import time

import requests

from energy_meter.tests.functional.services import base

#: Metrics of a measurement: its energy and its power.
METRICS = ('energy_meter_probe_joules_total', 'energy_meter_probe_watts')
#: Measurements of one request, as many as the agent puts into a message.
_BATCH = 1000
_TIMEOUT_S = 60
_WATTS = 100
#: Seconds before the start at which the first samples are dated.
_AGE_S = 600
#: Tag of a literal whose length follows in four bytes.
_LITERAL = bytes([63 << 2])


class Database(base.Process):
    """A time series database on a free port.

    :param argv: its command; ``{port}`` stands for the port, and
        ``{directory}`` for the directory of its data.
    """

    def __init__(self, *argv: str) -> None:
        self._port = base.free_port()
        self._url = f'http://127.0.0.1:{self._port}'
        self._session = requests.Session()
        super().__init__(argv, ready=self._is_up)

    def prepare(self) -> None:
        """Insert the port and the directory into the command."""
        (self.directory / 'prometheus.yml').write_text('{}')
        self.argv = [
            each.format(port=self._port, directory=self.directory)
            for each in self.argv
        ]
        self.addCleanup(self._session.close)

    def write(self, body: bytes) -> None:
        """Send one request of samples."""
        response = self._session.post(
            f'{self._url}/api/v1/write',
            body,
            headers={
                'Content-Encoding': 'snappy',
                'Content-Type': 'application/x-protobuf',
                'X-Prometheus-Remote-Write-Version': '0.1.0',
            },
            timeout=_TIMEOUT_S,
        )
        response.raise_for_status()

    def count(self, metric: str) -> int:
        """Return how many samples of a metric the last hour has."""
        response = self._session.get(
            f'{self._url}/api/v1/query',
            params={'query': f'sum(count_over_time({metric}[1h]))'},
            timeout=_TIMEOUT_S,
        )
        response.raise_for_status()
        found = response.json()['data']['result']
        return int(found[0]['value'][1]) if found else 0

    def _is_up(self) -> bool:
        try:
            return self._session.get(
                f'{self._url}/api/v1/query?query=1', timeout=_TIMEOUT_S
            ).ok
        except requests.RequestException:
            return False


def prometheus() -> Database:
    """Describe Prometheus."""
    return Database(
        'prometheus',
        '--config.file={directory}/prometheus.yml',
        '--storage.tsdb.path={directory}/data',
        '--web.listen-address=127.0.0.1:{port}',
        '--web.enable-remote-write-receiver',
    )


def victoria_metrics() -> Database:
    """Describe VictoriaMetrics, which shows samples at once."""
    return Database(
        'victoria-metrics',
        '-storageDataPath={directory}/data',
        '-httpListenAddr=127.0.0.1:{port}',
        '-search.latencyOffset=0s',
    )


class Requests:
    """Requests with the samples of all probes at one time after another.

    :param probes: number of probes.
    """

    def __init__(self, probes: int) -> None:
        self._series = [
            [_labels(metric, number) for metric in METRICS]
            for number in range(probes)
        ]
        self._second = 0
        self._began = round(time.time()) - _AGE_S

    def next(self) -> list[bytes]:
        """Return the requests with the next measurement of each probe."""
        self._second += 1
        timestamp = (self._began + self._second) * 1000
        joules = _sample(self._second * _WATTS, timestamp)
        watts = _sample(_WATTS, timestamp)
        return [
            _snappy(
                b''.join(
                    _field(1, labels + sample)
                    for probe in self._series[start : start + _BATCH]
                    for labels, sample in zip(
                        probe, (joules, watts), strict=True
                    )
                )
            )
            for start in range(0, len(self._series), _BATCH)
        ]


def _labels(metric: str, number: int) -> bytes:
    """Return the labels of a series as fields of its message."""
    labels = {
        '__name__': metric,
        'host': f'host-{number:05}',
        'probe': f'probe-{number:05}',
        'scope': 'outlet',
        'wattmeter': f'pdu-{number // 48:04}',
    }
    return b''.join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in labels.items()
    )


def _sample(value: float, timestamp: int) -> bytes:
    """Return a sample as a field of its series."""
    return _field(
        2, b'\x09' + struct.pack('<d', value) + b'\x10' + _varint(timestamp)
    )


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a message that has a length."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts: list[int] = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _snappy(content: bytes) -> bytes:
    length = (len(content) - 1).to_bytes(4, 'little')
    return _varint(len(content)) + _LITERAL + length + content
