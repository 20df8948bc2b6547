# SPDX-License-Identifier: Apache-2.0

"""CPU time of a measurement on its way into the state of its probe.

How much does one signed measurement cost the agent and the collector, and how
many a second do both handle? An agent reads dummy wattmeters of 48 outlets
each, far more often than it can, and sends what it reads through RabbitMQ to
a collector, which writes it to PostgreSQL. Warm-up: until each probe has
energy in the database. Each round divides the CPU time of each process by the
measurements that it handled; RabbitMQ and PostgreSQL are shown apart. At the
end the agent is stopped, and all of its energy must be in the database.

Peers, with as many probes, in the same run:

* The path of Kwapi: one signed message a measurement, over pyzmq. Its
  subscriber must accept all of them. Nothing is on a disk.
* Prometheus and VictoriaMetrics that receive energy and power of the same
  probes by remote write, 1,000 measurements a request. What sends the requests
  is not counted. All samples must be in a query afterwards.
* Prometheus that scrapes an exporter once a second, both counted.
"""

import argparse
import collections.abc
import contextlib
import functools
import subprocess
import sys
import time
import typing

import zmq

from benchmarks import chain
from benchmarks import comparison
from benchmarks import processes
from benchmarks.ingest import databases
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import prometheus

_QUESTION = 'CPU time of a signed measurement'
_UNIT = 'µs'
#: Targets: times that Kwapi's path costs, and measurements a second.
_MIN_RATIO, _MIN_RATE = 8.0, 100_000
#: Seconds between two readings of a probe. No agent is so fast.
_INTERVAL_S = 0.1
#: Counters of measurements by service.
_COUNTERS = {
    'agent': 'measurements_published',
    'collector': 'measurements_received',
}


class Cost(typing.NamedTuple):
    """What measurements cost.

    :ivar micros: CPU time in µs a measurement, in each round.
    :ivar memory: resident memory at the end, in MiB.
    """

    micros: list[float]
    memory: float


class Path(typing.NamedTuple):
    """What measurements cost on our path.

    :ivar costs: of each program.
    :ivar rates: measurements a second of the slower service.
    """

    costs: dict[str, Cost]
    rates: list[float]


def run(
    arguments: argparse.Namespace,
) -> collections.abc.Iterator[comparison.Comparison]:
    """Run the benchmark."""
    simulation.report('energy_meter')
    path = measure(arguments)
    own = [
        sum(pair)
        for pair in zip(
            path.costs['agent'].micros,
            path.costs['collector'].micros,
            strict=True,
        )
    ]
    memory = path.costs['agent'].memory + path.costs['collector'].memory
    ours = comparison.figure('agent and collector', own, memory)
    peers = tuple(_peers(arguments))
    yield comparison.Comparison(
        _QUESTION, _UNIT, ours, peers, tuple(judge(ours, peers))
    )
    for name, cost in path.costs.items():
        yield comparison.Comparison(
            f'{_QUESTION}, {name}',
            _UNIT,
            comparison.figure(name, *cost),
            (),
            (),
        )
    rate = comparison.figure('agent to collector', path.rates)
    yield comparison.Comparison(
        'measurements a second on this machine',
        '1/s',
        rate,
        (),
        (
            (
                f'at least {_MIN_RATE} measurements a second',
                rate.median >= _MIN_RATE,
            ),
        ),
    )


def _peers(
    arguments: argparse.Namespace,
) -> collections.abc.Iterator[comparison.Figure]:
    for title, peer in (
        (f'Kwapi (pyzmq {zmq.__version__})', kwapi),
        (
            'Prometheus, remote write',
            functools.partial(remote_write, databases.prometheus),
        ),
        (
            'VictoriaMetrics, remote write',
            functools.partial(remote_write, databases.victoria_metrics),
        ),
        ('Prometheus and exporter', scrape),
    ):
        simulation.report(title)
        yield comparison.figure(title, *peer(arguments))


def judge(
    ours: comparison.Figure, peers: tuple[comparison.Figure, ...]
) -> collections.abc.Iterator[simulation.Claim]:
    """Yield each claim and whether it holds."""
    path, *others = peers
    yield (
        f'a measurement costs {_MIN_RATIO:g} times less than {path.program}',
        ours.median * _MIN_RATIO <= path.median,
    )
    for other in others:
        yield (
            f'a measurement costs at most as much as {other.program}',
            ours.median <= other.median,
        )


def measure(arguments: argparse.Namespace) -> Path:
    """Return what measurements cost on our path.

    :raises AssertionError: if energy is lost.
    """
    micros: dict[str, list[float]] = {}
    rates: list[float] = []
    with chain.Chain(arguments.probes, _INTERVAL_S) as path:
        for _ in range(arguments.rounds):
            began, before, first = _state(path)
            time.sleep(arguments.seconds)
            ended, after, last = _state(path)
            counts = {
                name: count - before[name] for name, count in after.items()
            }
            rates.append(min(counts.values()) / (ended - began))
            for name in path.programs:
                count = counts.get(name, counts['collector'])
                seconds = last[name].seconds - first[name].seconds
                micros.setdefault(name, []).append(seconds / count * 1e6)
        path.verify()
    return Path(
        {
            name: Cost(micros[name], last[name].memory)
            for name in path.programs
        },
        rates,
    )


def _state(
    path: chain.Chain,
) -> tuple[float, dict[str, float], dict[str, processes.Usage]]:
    counts = {
        name: path.counted(name, counter)
        for name, counter in _COUNTERS.items()
    }
    return time.monotonic(), counts, path.usages()


def kwapi(arguments: argparse.Namespace) -> Cost:
    """Return what measurements cost on the path of Kwapi.

    :raises AssertionError: if the subscriber does not accept all.
    """
    port = str(base.free_port())
    count = arguments.probes * 4
    micros = []
    with contextlib.ExitStack() as stack:
        publisher, subscriber = (
            stack.enter_context(_start(role, port, arguments.probes))
            for role in ('publish', 'subscribe')
        )
        pids = publisher.pid, subscriber.pid
        # The first round is the warm-up.
        for _ in range(arguments.rounds + 1):
            before = _seconds(pids)
            for process in (subscriber, publisher):
                print(count, file=process.stdin, flush=True)
            assert subscriber.stdout is not None
            accepted = int(subscriber.stdout.readline())
            if accepted != count:
                raise AssertionError(f'Kwapi: {accepted} of {count} accepted')
            micros.append((_seconds(pids) - before) / count * 1e6)
        memory = sum(processes.usage(pid).memory for pid in pids)
        for process in (publisher, subscriber):
            process.terminate()
    return Cost(micros[1:], memory)


def _start(role: str, port: str, probes: int) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - this interpreter
        [
            sys.executable,
            '-m',
            'benchmarks.ingest.kwapi',
            role,
            port,
            '--probes',
            str(probes),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _seconds(pids: collections.abc.Iterable[int]) -> float:
    return sum(processes.usage(pid).seconds for pid in pids)


def remote_write(
    make: collections.abc.Callable[[], databases.Database],
    arguments: argparse.Namespace,
) -> Cost:
    """Return what measurements cost a database.

    :raises AssertionError: if it does not have all samples.
    """
    outgoing = databases.Requests(arguments.probes)
    repetitions = 10
    micros = []
    with make() as database:
        # The first round creates the series.
        for _ in range(arguments.rounds + 1):
            bodies = [
                body for _ in range(repetitions) for body in outgoing.next()
            ]
            before = processes.usage(database.pid).seconds
            for body in bodies:
                database.write(body)
            spent = processes.usage(database.pid).seconds - before
            micros.append(spent / arguments.probes / repetitions * 1e6)
        count = arguments.probes * repetitions * len(micros)
        for metric in databases.METRICS:
            base.wait_for(
                lambda metric=metric: database.count(metric) == count,
                10.0,
                f'{count} samples of {metric}',
            )
        memory = processes.usage(database.pid).memory
    return Cost(micros[1:], memory)


def scrape(arguments: argparse.Namespace) -> Cost:
    """Return what measurements cost an exporter and Prometheus.

    :raises AssertionError: if Prometheus missed some.
    """
    port = base.free_port()
    exporter = base.Process(
        [
            sys.executable,
            '-m',
            'benchmarks.ingest.exporter',
            str(port),
            '--probes',
            str(arguments.probes),
        ],
        ready=lambda: base.listening(port),
    )
    job = {
        'job_name': 'meters',
        'static_configs': [{'targets': [f'127.0.0.1:{port}']}],
    }
    micros = []
    query = f'sum(count_over_time({databases.METRICS[0]}[1h]))'
    with exporter, prometheus.Prometheus([job]) as server:
        base.wait_for(lambda: server.query(query), 30.0, 'samples')
        pids = exporter.pid, server.pid
        for _ in range(arguments.rounds):
            before, first = _seconds(pids), _count(server, query)
            time.sleep(arguments.seconds)
            spent, last = _seconds(pids) - before, _count(server, query)
            if last <= first:
                raise AssertionError('Prometheus scraped nothing')
            micros.append(spent / (last - first) * 1e6)
        memory = sum(processes.usage(pid).memory for pid in pids)
    return Cost(micros, memory)


def _count(server: prometheus.Prometheus, query: str) -> int:
    return int(server.query(query)[0]['value'][1])


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument('--probes', type=int, default=10_000)
    parser.add_argument(
        '--seconds', type=float, default=8.0, help='duration of a round'
    )


if __name__ == '__main__':
    sys.exit(comparison.main(__doc__, run, add_options))
