# SPDX-License-Identifier: Apache-2.0

"""CPU time, memory and age of values for meters that are read once a second.

An agent reads dummy wattmeters of 48 outlets each, once a second. RabbitMQ, a
collector, PostgreSQL and the API are real processes with default options.
Warm-up: until each probe has energy in the database, and ten more seconds.
Then each round counts the CPU time of all processes, and the measurements that
the agent published and the collector received. After the rounds, the API is
asked for some probes, of wattmeters that are read at different times, ten
times a second; the age is counted when it shows a new time of reading. During
the rounds it is not asked, because each question costs PostgreSQL 0.5 ms. The
largest number of probes is the one of the claims; others show the growth. At
the end the agent is stopped, and all of its energy must be in the database.
"""

import argparse
import collections.abc
import statistics
import sys
import threading
import time
import typing

import requests

from benchmarks import chain
from benchmarks import comparison
from benchmarks import processes
from energy_meter.tests.functional import simulation

#: Targets: percent of a core, MiB, and seconds beyond both intervals.
_MAX_AGENT, _MAX_STORING, _MAX_MEMORY, _MAX_DELAY_S = 12.0, 15.0, 150.0, 0.3
#: Seconds of the publish interval and of the flush interval together.
_INTERVALS_S = 3.0
#: Growth of CPU time in proportion to the probes, at most.
_MAX_GROWTH = 1.2
#: Number of probes for which the claims are.
_TARGET_PROBES = 10_000

_WARM_UP_S = 10.0
#: Maximum seconds by which the measurements that a service handled differ from
#: those that were read.
_MAX_DEVIATION_S = 4.0
#: Number of probes that the API is asked for, and the pause between.
_WATCHED, _WATCH_INTERVAL_S = 8, 0.1
#: Seconds for which the API is asked.
_WATCH_S = 30.0
_PROGRAMS = ('agent', 'collector', 'PostgreSQL', 'RabbitMQ')
_HTTP_TIMEOUT_S = 10


class Load(typing.NamedTuple):
    """What a number of probes costs.

    :ivar shares: percent of a core in each round, by program.
    :ivar memory: of each program at the beginning and at the end, in MiB.
    :ivar ages: in seconds, of values when the API first showed them.
    """

    probes: int
    shares: dict[str, list[float]]
    memory: dict[str, tuple[float, float]]
    ages: list[float]


class Watch(threading.Thread):
    """Measures how old values are when the API first shows them.

    :param names: IDs of the probes to ask for.
    """

    def __init__(
        self, url: str, names: collections.abc.Collection[str]
    ) -> None:
        super().__init__(daemon=True)
        self.ages: list[float] = []
        self._seen: dict[str, float] = {}
        self._urls = {name: f'{url}/probes/{name}' for name in names}
        self._ended = threading.Event()

    def __enter__(self) -> typing.Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        with requests.Session() as session:
            while not self._ended.wait(_WATCH_INTERVAL_S):
                for name, url in self._urls.items():
                    self._ask(session, name, url)

    def _ask(self, session: requests.Session, name: str, url: str) -> None:
        response = session.get(url, timeout=_HTTP_TIMEOUT_S)
        response.raise_for_status()
        shown_at = time.time()
        timestamp = response.json()[name]['timestamp']
        previous = self._seen.setdefault(name, timestamp)
        if timestamp > previous:
            self._seen[name] = timestamp
            self.ages.append(shown_at - timestamp)


def run(
    arguments: argparse.Namespace,
) -> collections.abc.Iterator[comparison.Comparison]:
    """Run the benchmark for each number of probes."""
    loads = []
    for probes in sorted(arguments.probes):
        simulation.report(f'{probes} probes')
        loads.append(measure(probes, arguments.rounds, arguments.seconds))
        yield from compare(loads[-1], is_last=probes == max(arguments.probes))
    if len(loads) > 1:
        yield growth(loads)


def measure(probes: int, rounds: int, seconds: float) -> Load:
    """Return what a number of probes costs.

    :raises AssertionError: if measurements are missing, or energy is lost.
    """
    with chain.Chain(probes, interval=1.0, with_api=True) as path:
        time.sleep(_WARM_UP_S)
        step = max(probes // _WATCHED, 1)
        watched = [f'probe-{each:05}' for each in range(0, probes, step)]
        began, before, first = time.monotonic(), _handled(path), path.usages()
        each_round = [_round(path, seconds) for _ in range(rounds)]
        with Watch(path.api, watched[:_WATCHED]) as watch:
            time.sleep(_WATCH_S)
        last, after = path.usages(), _handled(path)
        counts = {name: after[name] - before[name] for name in after}
        _verify_rates(probes, counts, time.monotonic() - began)
        path.verify()
    if not watch.ages:
        raise AssertionError('the API showed no new value')
    return Load(
        probes,
        {
            name: [shares[name] for shares in each_round]
            for name in path.programs
        },
        {
            name: (first[name].memory, last[name].memory)
            for name in path.programs
        },
        sorted(watch.ages),
    )


def _round(path: chain.Chain, seconds: float) -> dict[str, float]:
    """Return the percent of a core that each program took."""
    began, first = time.monotonic(), path.usages()
    time.sleep(seconds)
    last, elapsed = path.usages(), time.monotonic() - began
    return {
        name: _percent(first[name], last[name], elapsed)
        for name in path.programs
    }


def _verify_rates(
    probes: int, counts: dict[str, float], elapsed: float
) -> None:
    """Verify that the services handled what was read in some seconds.

    :raises AssertionError: if one of them did not.
    """
    for name, count in counts.items():
        # They handle whole batches.
        if abs(count / probes - elapsed) > _MAX_DEVIATION_S:
            raise AssertionError(
                f'{name}: {count:.0f} measurements of {probes} probes in '
                f'{elapsed:.0f} s'
            )


def _handled(path: chain.Chain) -> dict[str, float]:
    return {
        'agent': path.counted('agent', 'measurements_published'),
        'collector': path.counted('collector', 'measurements_received'),
    }


def _percent(
    first: processes.Usage, last: processes.Usage, elapsed: float
) -> float:
    return (last.seconds - first.seconds) / elapsed * 100


def compare(
    load: Load, is_last: bool
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparisons of one number of probes.

    :param is_last: whether the claims about it belong to it.
    """
    storing = [
        sum(pair)
        for pair in zip(
            load.shares['collector'], load.shares['PostgreSQL'], strict=True
        )
    ]
    claims = list(judge(load, storing)) if is_last else []
    for name in _PROGRAMS:
        yield comparison.Comparison(
            f'{load.probes} probes at 1 Hz, {name}',
            '% of a core',
            comparison.figure(name, load.shares[name], load.memory[name][1]),
            (),
            tuple(claims) if name == _PROGRAMS[0] else (),
        )
    yield comparison.Comparison(
        f'{load.probes} probes at 1 Hz, collector and PostgreSQL together',
        '% of a core',
        comparison.figure('collector and PostgreSQL', storing),
        (),
        (),
    )
    yield comparison.Comparison(
        f'{load.probes} probes at 1 Hz, age in the API',
        's',
        comparison.Figure(
            f'{len(load.ages)} values; to: 99th percentile',
            statistics.median(load.ages),
            load.ages[0],
            p99(load.ages),
        ),
        (),
        (),
    )


def judge(
    load: Load, storing: list[float]
) -> collections.abc.Iterator[simulation.Claim]:
    """Yield each claim and whether it holds."""
    scale = load.probes / _TARGET_PROBES
    agent, stored = _MAX_AGENT * scale, _MAX_STORING * scale
    yield (
        f'the agent takes at most {agent:g} % of a core',
        statistics.median(load.shares['agent']) <= agent,
    )
    yield (
        f'the collector and PostgreSQL take at most {stored:g} % of a core',
        statistics.median(storing) <= stored,
    )
    yield (
        f'the agent and the collector have at most {_MAX_MEMORY:g} MiB',
        all(
            load.memory[name][1] <= _MAX_MEMORY
            for name in ('agent', 'collector')
        ),
    )
    limit = _INTERVALS_S + _MAX_DELAY_S
    yield (
        f'99 % of the values are in the API after at most {limit:g} s',
        p99(load.ages) <= limit,
    )


def growth(loads: list[Load]) -> comparison.Comparison:
    """Return how the CPU time of all programs grows with the probes."""
    costs = [
        sum(statistics.median(load.shares[name]) for name in _PROGRAMS)
        / load.probes
        * 10_000
        for load in loads
    ]
    sizes = ', '.join(str(load.probes) for load in loads)
    return comparison.Comparison(
        f'CPU time of all programs for {sizes} probes at 1 Hz',
        'µs a measurement',
        comparison.figure('energy_meter', costs),
        (),
        (
            (
                f'it grows at most {_MAX_GROWTH:g} times as fast as the '
                'probes',
                costs[-1] <= _MAX_GROWTH * costs[-2],
            ),
        ),
    )


def p99(values: collections.abc.Sequence[float]) -> float:
    """Return the 99th percentile of sorted values."""
    return values[int(len(values) * 0.99)]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument(
        '--probes', type=int, nargs='+', default=[_TARGET_PROBES]
    )
    parser.add_argument(
        '--seconds', type=float, default=12.0, help='duration of a round'
    )


if __name__ == '__main__':
    sys.exit(comparison.main(__doc__, run, add_options))
