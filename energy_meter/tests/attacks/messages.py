# SPDX-License-Identifier: Apache-2.0

"""Messages without any secret, against a collector that reads the bus."""

import collections.abc
import json
import pathlib
import time
import zlib

import fixtures
import kombu
import psutil

from energy_meter.tests.attacks import attack
from energy_meter.tests.functional import test_poison as poison
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import rabbitmq

#: Seconds after which an attack that has not ended counts as successful.
MAX_SECONDS = 120.0

_EXCHANGE = 'energy_meter'

Message = tuple[bytes, dict[str, object]]


def _encode(envelopes: str) -> bytes:
    inner = '{"payload":{"envelopes":' + envelopes + '}}'
    return json.dumps({'oslo.version': '2.0', 'oslo.message': inner}).encode()


def _objects(size: int) -> bytes:
    return _encode('[' + '{},' * (size // 3) + '{}]')


#: The messages of each attack, with their headers.
ATTACKS: dict[str, collections.abc.Callable[[], list[Message]]] = {
    'of-100-MiB': lambda: [(_objects(100 << 20), {})],
    'of-3-MiB': lambda: [(_objects(3 << 20), {})] * 60,
    'compressed': lambda: [
        (
            zlib.compress(_objects(400 << 20)),
            {'compression': 'application/x-gzip'},
        )
    ],
}


def run(name: str) -> attack.Figures:
    """Run one attack of :data:`ATTACKS`."""
    with (
        fixtures.TempDir(base.TEMPORARY) as directory,
        # Without the limit that the project ships.
        rabbitmq.RabbitMQ({'max_message_size': 128 << 20}) as broker,
    ):
        database = f'sqlite:///{directory.path}/db.sqlite'
        configuration = commands.Configuration(
            directory.path,
            DEFAULT={'transport_url': broker.url},
            database={'connection': database},
        )
        configuration.run('energy-meter-manage', 'db', 'sync')
        with commands.collector(configuration) as collector:
            figures = _attack(
                psutil.Process(collector.pid),
                broker,
                database,
                ATTACKS[name](),
            )
            # One that does not recover does not stop either.
            collector.kill()
            return figures


def _attack(
    victim: psutil.Process,
    broker: rabbitmq.RabbitMQ,
    database: str,
    messages: list[Message],
) -> attack.Figures:
    memory = victim.memory_info().rss
    cpu = _cpu(victim)
    for body, headers in messages:
        _publish(broker, body, headers)
    started = time.monotonic()
    _publish(
        broker,
        json.dumps(
            poison.notify({'envelopes': [poison.sign('honest', 1)]})
        ).encode(),
        {},
    )
    note = f'{sum(len(body) for body, _ in messages) / 2**20:.1f} MiB sent'
    while 'honest' not in commands.energy(database):
        if time.monotonic() > started + MAX_SECONDS:
            note += ', the collector does not recover'
            break
        time.sleep(0.1)
    return attack.Figures(
        _peak(victim.pid) - memory,
        _cpu(victim) - cpu,
        time.monotonic() - started,
        note,
    )


def _publish(
    broker: rabbitmq.RabbitMQ, body: bytes, headers: dict[str, object]
) -> None:
    url = broker.url.replace('rabbit:', 'amqp:')
    with kombu.Connection(url) as connection:
        connection.Producer().publish(
            body,
            exchange=_EXCHANGE,
            routing_key='energy_meter.info',
            content_type='application/json',
            content_encoding='utf-8',
            headers=headers,
        )


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _peak(pid: int) -> int:
    """Return the peak of the resident memory of a process, in bytes."""
    status = pathlib.Path(f'/proc/{pid}/status')
    for line in status.read_text().splitlines():
        if line.startswith('VmHWM:'):
            return 1024 * int(line.split()[1])
    raise KeyError(pid)
