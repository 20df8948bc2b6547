# SPDX-License-Identifier: Apache-2.0

"""What a measurement costs on the paths of other programs."""

import argparse
import collections.abc
import contextlib
import functools
import subprocess
import sys
import time
import typing

import zmq

from benchmarks import processes
from benchmarks.ingest import databases
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import prometheus

#: Measurements of each probe in a round.
_KWAPI_REPETITIONS, _WRITE_REPETITIONS = 4, 10
#: Maximum seconds until all samples are in a query.
_QUERY_TIMEOUT_S = 30.0


class Cost(typing.NamedTuple):
    """What measurements cost.

    :ivar micros: CPU time in µs a measurement, in each round.
    :ivar memory: resident memory at the end, in MiB.
    """

    micros: list[float]
    memory: float


def kwapi(arguments: argparse.Namespace) -> Cost:
    """Return what measurements cost on the path of Kwapi.

    :raises AssertionError: if the subscriber does not accept all.
    """
    port = str(base.free_port())
    count = arguments.probes * _KWAPI_REPETITIONS
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
    micros = []
    with make() as database:
        # The first round creates the series.
        for _ in range(arguments.rounds + 1):
            bodies = [
                body
                for _ in range(_WRITE_REPETITIONS)
                for body in outgoing.next()
            ]
            before = processes.usage(database.pid).seconds
            for body in bodies:
                database.write(body)
            spent = processes.usage(database.pid).seconds - before
            micros.append(spent / arguments.probes / _WRITE_REPETITIONS * 1e6)
        count = arguments.probes * _WRITE_REPETITIONS * len(micros)
        for metric in databases.METRICS:
            base.wait_for(
                lambda metric=metric: database.count(metric) == count,
                _QUERY_TIMEOUT_S,
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
        base.wait_for(lambda: server.query(query), _QUERY_TIMEOUT_S, 'samples')
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


#: What is compared, by title.
PEERS: dict[str, collections.abc.Callable[[argparse.Namespace], Cost]] = {
    f'Kwapi (pyzmq {zmq.__version__})': kwapi,
    'Prometheus, remote write': functools.partial(
        remote_write, databases.prometheus
    ),
    'VictoriaMetrics, remote write': functools.partial(
        remote_write, databases.victoria_metrics
    ),
    'Prometheus and exporter': scrape,
}
