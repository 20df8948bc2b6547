# SPDX-License-Identifier: Apache-2.0

"""CPU time of a measurement on its way into the state of its probe.

How much does one signed measurement cost the agent and the collector, and how
many a second do both handle? An agent reads dummy wattmeters of 48 outlets
each, and sends what it reads through RabbitMQ to a collector, which writes it
to PostgreSQL. Warm-up: until each probe has energy in the database, and five
more seconds. Each round divides the CPU time of each process by the
measurements that it handled; RabbitMQ and PostgreSQL are shown apart. At the
end the agent is stopped, and all of its energy must be in the database.

A smaller --interval finds out how many measurements a second are possible. An
agent that reads more than it can publish drops resolution, so then its CPU
time is that of readings that were not published, too.

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
import sys
import time
import typing

from benchmarks import chain
from benchmarks import comparison
from benchmarks import processes
from benchmarks.ingest import peers
from energy_meter.tests.functional import simulation

_QUESTION = 'CPU time of a signed measurement'
_UNIT = 'µs'
#: Targets: times that Kwapi's path costs, and measurements a second.
_MIN_RATIO, _MIN_RATE = 8.0, 100_000
_WARM_UP_S = 5.0
#: Counters of measurements by service.
_COUNTERS = {
    'agent': 'measurements_published',
    'collector': 'measurements_received',
}


class Path(typing.NamedTuple):
    """What measurements cost on our path.

    :ivar costs: of each program.
    :ivar rates: measurements a second of the slower service.
    """

    costs: dict[str, peers.Cost]
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
    others = tuple(_peers(arguments))
    yield comparison.Comparison(
        _QUESTION, _UNIT, ours, others, tuple(judge(ours, others))
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
    for title, peer in peers.PEERS.items():
        simulation.report(title)
        yield comparison.figure(title, *peer(arguments))


def judge(
    ours: comparison.Figure, others: tuple[comparison.Figure, ...]
) -> collections.abc.Iterator[simulation.Claim]:
    """Yield each claim and whether it holds."""
    path, *databases = others
    yield (
        f'a measurement costs {_MIN_RATIO:g} times less than {path.program}',
        ours.median * _MIN_RATIO <= path.median,
    )
    for other in databases:
        yield (
            f'a measurement costs at most as much as {other.program}',
            ours.median <= other.median,
        )


def measure(arguments: argparse.Namespace) -> Path:
    """Return what measurements cost on our path.

    :raises AssertionError: if energy is lost, or a round is too short.
    """
    micros: dict[str, list[float]] = {}
    rates: list[float] = []
    with chain.Chain(arguments.probes, arguments.interval) as path:
        time.sleep(_WARM_UP_S)
        for _ in range(arguments.rounds):
            began, before, first = _state(path)
            time.sleep(arguments.seconds)
            ended, after, last = _state(path)
            counts = {
                name: count - before[name] for name, count in after.items()
            }
            if not all(counts.values()):
                raise AssertionError(f'too short a round: {counts}')
            rates.append(min(counts.values()) / (ended - began))
            for name in path.programs:
                count = counts.get(name, counts['collector'])
                seconds = last[name].seconds - first[name].seconds
                micros.setdefault(name, []).append(seconds / count * 1e6)
        path.verify()
    return Path(
        {
            name: peers.Cost(micros[name], last[name].memory)
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


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument('--probes', type=int, default=10_000)
    parser.add_argument(
        '--interval',
        type=float,
        default=0.2,
        help='seconds between two readings of a probe',
    )
    parser.add_argument(
        '--seconds', type=float, default=10.0, help='duration of a round'
    )


if __name__ == '__main__':
    sys.exit(comparison.main(__doc__, run, add_options))
