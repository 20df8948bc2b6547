# SPDX-License-Identifier: Apache-2.0

"""Time until services work, their memory, and the import of the pollsters.

Question: how long after its start does each service do its work, how much
memory does it have then, and how much longer does ceilometer-polling take to
start with the pollsters of energy_meter?

RabbitMQ and PostgreSQL run, and an agent publishes to them. A service is ready
when it first does what it is for: the agent has published a message, the
collector has written one, the forwarder has forwarded one, the others answer a
request. A request every 20 ms checks that. Agents publish every 0.2 seconds
and collectors write after 0.1, which is part of the time. Each start begins
with an empty state directory. Before the rounds, each service is started once,
so that its files are in the page cache. Memory is resident memory when the
service is ready. CPU time depends less than time on what else runs.

Do not run it in an environment below /tmp: stevedore does not cache entry
points there, which costs each start some tenths of a second.

The pollsters are loaded from their entry points in a new process that has
imported ceilometer. No peer does this work. Run it from the root of the source
tree::

  python -m benchmarks.startup
"""

import argparse
import collections.abc
import contextlib
import json
import pathlib
import re
import statistics
import sys
import tempfile
import time
import typing
import urllib.error
import urllib.request

import psutil

from benchmarks import comparison
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq

#: Targets.
MAX_READY_S = 2.0
MAX_IMPORT_MS = 50.0

_POLL_S = 0.02
_TIMEOUT_S = 60.0
_MIB = 2**20
#: Sections with the port of a server.
PORTS = ('metrics', 'api', 'rrd')
_PROBES = [f'probe-{number}' for number in range(10)]

#: Prints what loading all pollsters costs, in ms and in MiB.
_LOAD_POLLSTERS = """
import importlib.metadata, json, time
import ceilometer.cmd.polling, psutil
points = [
    point for point in importlib.metadata.entry_points(
        group='ceilometer.poll.central'
    )
    if point.module.startswith('energy_meter.')
]
memory = psutil.Process().memory_info().rss
started = time.perf_counter()
for point in points:
    point.load()
print(json.dumps([
    (time.perf_counter() - started) * 1000,
    (psutil.Process().memory_info().rss - memory) / 2**20,
    len(points),
]))
"""


#: Options of the configuration by section.
Options = dict[str, dict[str, object]]


class Service(typing.NamedTuple):
    """A service to start.

    :ivar name: name of its command.
    :ivar path: of the URL that shows whether it is ready.
    :ivar section: section of the configuration with the port of that URL.
    :ivar shows: what the answer contains then.
    :ivar bus: key of its bus in :func:`installation`.
    """

    name: str
    path: str
    section: str
    shows: str = ''
    bus: str = 'source'


class Start(typing.NamedTuple):
    """What one start took.

    :ivar seconds: until the service was ready.
    :ivar cpu: CPU time in seconds by then.
    :ivar memory: in MiB then.
    """

    seconds: float
    cpu: float
    memory: float


#: A counter that is not zero.
_COUNTED = r'^energy_meter_{}_total{{[^}}]*}} [1-9]'

SERVICES = (
    Service(
        'energy-meter-agent',
        'metrics',
        'metrics',
        _COUNTED.format('messages_published'),
    ),
    Service(
        'energy-meter-collector',
        'metrics',
        'metrics',
        _COUNTED.format('measurements_merged'),
    ),
    Service(
        'energy-meter-forwarder',
        'metrics',
        'metrics',
        _COUNTED.format('envelopes_forwarded'),
        'destination',
    ),
    Service('energy-meter-api', 'v1', 'api'),
    Service('energy-meter-rrd', '', 'rrd'),
    Service('energy-meter-standalone', '', 'rrd'),
)


def main() -> int:
    """Run the benchmark and return the exit code."""
    return comparison.main(__doc__, run)


def run(
    arguments: argparse.Namespace,
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparisons of all services, and of the pollsters."""
    with installation() as buses:
        for service in SERVICES:
            simulation.report(service.name)
            starts = [
                start(service, buses[service.bus])
                for _ in range(arguments.rounds + 1)
            ]
            yield from compare(service, starts[1:])
    simulation.report('pollsters')
    yield import_pollsters(arguments.rounds)


@contextlib.contextmanager
def installation() -> collections.abc.Iterator[dict[str, Options]]:
    """Start what the services need.

    :returns: options of a service by its bus. An agent publishes on the bus
        ``source``, and nothing else on ``destination``.
    """
    with (
        tempfile.TemporaryDirectory() as directory,
        rabbitmq.RabbitMQ() as broker,
        postgresql.PostgreSQL() as server,
    ):
        source = broker.add_vhost()
        shared: Options = {
            'database': {'connection': server.create_database()},
            'forwarder': {'sources': source},
            'rrd': {'auth_strategy': 'noauth'},
        }
        buses = {
            bus: shared | {'DEFAULT': {'transport_url': url}}
            for bus, url in (
                ('source', source),
                ('destination', broker.add_vhost()),
            )
        }
        configuration = configure(directory, buses['source'])
        configuration.run('energy-meter-manage', 'db', 'sync')
        with commands.agent(configuration):
            yield buses


def configure(directory: str, options: Options) -> commands.Configuration:
    """Return a configuration with a wattmeter."""
    configuration = commands.Configuration(directory, **options)
    configuration.add_dummy('dummy', *_PROBES)
    return configuration


def start(service: Service, options: Options) -> Start:
    """Start a service and stop it when it is ready.

    :raises AssertionError: if it exits, or does not become ready.
    """
    port = base.free_port()
    with tempfile.TemporaryDirectory() as directory:
        configuration = configure(directory, options)
        for section in PORTS:
            configuration.set(section, port=base.free_port())
        configuration.set(service.section, port=port)
        log = pathlib.Path(directory) / 'log'
        argv = [commands.script(service.name), '--config-file']
        with log.open('wb') as stream:
            began = time.perf_counter()
            process = psutil.Popen(
                [*argv, configuration.path], stdout=stream, stderr=stream
            )
        try:
            while not _is_ready(f'http://127.0.0.1:{port}', service):
                took = time.perf_counter() - began
                if process.poll() is not None or took > _TIMEOUT_S:
                    raise AssertionError(
                        f'{service.name} is not ready:\n{log.read_text()}'
                    )
                time.sleep(_POLL_S)
            took = time.perf_counter() - began
            times, memory = process.cpu_times(), process.memory_info().rss
            return Start(took, times.user + times.system, memory / _MIB)
        finally:
            process.terminate()
            process.wait(_TIMEOUT_S)


def _is_ready(url: str, service: Service) -> bool:
    try:
        with urllib.request.urlopen(  # noqa: S310
            f'{url}/{service.path}', timeout=_TIMEOUT_S
        ) as response:
            text: str = response.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return False
    return re.search(service.shows, text, re.MULTILINE) is not None


def compare(
    service: Service, starts: list[Start]
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparisons of a service; there are no peers."""
    memory = statistics.median(each.memory for each in starts)
    ready = comparison.figure(
        service.name, [each.seconds for each in starts], memory
    )
    yield comparison.Comparison(
        'from the start until it works',
        's',
        ready,
        (),
        (
            (
                f'{service.name} works within {MAX_READY_S:g} s',
                ready.median <= MAX_READY_S,
            ),
        ),
    )
    yield comparison.Comparison(
        'CPU time until it works',
        's',
        comparison.figure(service.name, [each.cpu for each in starts], memory),
        (),
        (),
    )


def import_pollsters(rounds: int) -> comparison.Comparison:
    """Return the comparison of the pollsters; there are no peers."""
    milliseconds, memory = [], []
    for _ in range(rounds + 1):
        took, grown, count = json.loads(
            base.run([sys.executable, '-W', 'ignore', '-c', _LOAD_POLLSTERS])
        )
        if not count:
            raise AssertionError('energy_meter has no entry points here')
        milliseconds.append(took)
        memory.append(grown)
    found = comparison.figure(
        'pollsters of energy_meter',
        milliseconds[1:],
        statistics.median(memory[1:]),
    )
    return comparison.Comparison(
        'import after that of ceilometer-polling',
        'ms',
        found,
        (),
        (
            (
                f'the pollsters are imported within {MAX_IMPORT_MS:g} ms',
                found.median <= MAX_IMPORT_MS,
            ),
        ),
    )


if __name__ == '__main__':
    sys.exit(main())
