# SPDX-License-Identifier: Apache-2.0

"""CPU time of writing points to RRD files, and the bytes that are written.

All programs write one point a second into the same files, which have the
default archives, and the points of ten seconds at a time: what
energy-meter-rrd collects in its default flush_interval. The only exception is
a script that calls rrdtool.update for each point. It takes turns with the
others, in simulated time, as fast as each can. The first flush opens the
files and is the warm-up. Counted is the process that writes, not what sends
points to a daemon. Of collectd, the time that it needs for the same points
without its rrdtool plugin is subtracted: its writing remains. After each turn
all points are read back and compared. The bytes are those that become dirty
during the counted flushes, after all had been written. Linux counts them in
folios of up to 64 kB, of which it then writes the blocks that have changed.
"""

import argparse
import collections
import collections.abc
import pathlib
import sys
import tempfile
import time

from benchmarks import comparison
from benchmarks.rrd_points import daemons
from benchmarks.rrd_points import direct
from benchmarks.rrd_points import work as rrd_work
from energy_meter.tests.functional import simulation

#: Seconds of the default flush_interval, and others.
SECONDS = 10
SECONDS_OF_GROWTH = (1, 5, SECONDS, 60)

UNIT = 'points/CPU s'
BYTES_UNIT = 'bytes/point'

#: To reach: multiple of the points of one call for each.
MIN_RATIO = 4.0

_Program = collections.abc.Callable[[rrd_work.Work], rrd_work.Cost]

OURS = 'energy_meter'
ONE_BY_ONE = 'rrdtool.update, each point'
TOGETHER = 'rrdtool.update, each flush'
RRDCACHED = 'rrdcached'
COLLECTD = 'collectd'
COLLECTD_RECEIVING = 'collectd, receiving only'
COLLECTD_WRITING = 'collectd, writing only'

PROGRAMS: dict[str, _Program] = {
    OURS: direct.in_process(direct.energy_meter),
    ONE_BY_ONE: direct.in_process(direct.one_by_one),
    TOGETHER: direct.in_process(direct.together),
    RRDCACHED: daemons.write_rrdcached,
    COLLECTD: daemons.write_collectd,
    COLLECTD_RECEIVING: daemons.send_collectd,
}


class Turns:
    """Runs programs on files, one after the other.

    :param directory: parent of the directory of the files.
    :param count: number of files.
    """

    def __init__(self, directory: pathlib.Path, count: int) -> None:
        self._directory = directory / f'files-{count}'
        self.count = count
        # In the past, as all programs reject points in the future.
        self._timestamp = int(time.time()) // 86_400 * 86_400 - 86_400
        rrd_work.create(self._directory, count, self._timestamp)

    def run(self, program: str, flushes: int, seconds: int) -> rrd_work.Cost:
        """Run a program, and verify what it wrote.

        :param flushes: that are counted.
        :param seconds: of a flush.
        """
        work = rrd_work.Work(
            self._directory, self.count, self._timestamp, flushes, seconds
        )
        self._timestamp = work.end
        cost = PROGRAMS[program](work)
        if program != COLLECTD_RECEIVING:
            rrd_work.verify(work)
        return cost


def main() -> int:
    """Run the benchmark and return the exit code."""
    return comparison.main(__doc__, run, add_options)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument('--files', type=int, default=3000)
    parser.add_argument(
        '--flushes', type=int, default=2, help='counted flushes of a turn'
    )
    parser.add_argument(
        '--growth',
        type=int,
        nargs='*',
        default=(1000,),
        help='other numbers of files, with other flushes, too',
    )
    parser.add_argument(
        '--alone',
        type=int,
        nargs='+',
        default=(),
        help='instead of all that: measure energy_meter without the other '
        'programs, with these numbers of files',
    )
    parser.add_argument(
        '--directory',
        default='/var/tmp',  # noqa: S108
        help='parent of the files; 207 kB each',
    )


def run(
    arguments: argparse.Namespace,
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparisons."""
    if arguments.alone:
        yield from alone(arguments)
        return
    with tempfile.TemporaryDirectory(dir=arguments.directory) as name:
        turns = Turns(pathlib.Path(name), arguments.files)
        yield from compare(turns, arguments)
        for count in arguments.growth:
            turns = Turns(pathlib.Path(name), count)
            for seconds in SECONDS_OF_GROWTH:
                yield grow(turns, arguments, seconds)


def alone(
    arguments: argparse.Namespace,
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield points and bytes of energy_meter for other numbers of files.

    The files of each number are deleted before the next ones are created.
    """
    for count in arguments.alone:
        with tempfile.TemporaryDirectory(dir=arguments.directory) as name:
            simulation.report(f'{count} files')
            turns = Turns(pathlib.Path(name), count)
            figures = measure(turns, (OURS,), arguments)
        for unit, (figure,) in zip((UNIT, BYTES_UNIT), figures, strict=True):
            yield comparison.Comparison(f'{count} files', unit, figure, (), ())


def grow(
    turns: Turns, arguments: argparse.Namespace, seconds: int
) -> comparison.Comparison:
    """Return the comparison for another number of files or points."""
    simulation.report(f'{turns.count} files, {seconds} points a flush')
    programs = (OURS, ONE_BY_ONE, TOGETHER)
    rates, _ = measure(turns, programs, arguments, seconds)
    return comparison.Comparison(
        f'{turns.count} files, {seconds} points a flush',
        UNIT,
        rates[0],
        rates[1:],
        (),
    )


def compare(
    turns: Turns, arguments: argparse.Namespace
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparisons of all programs at the default flush_interval."""
    rates, sizes = measure(turns, tuple(PROGRAMS), arguments)
    ours, peers = rates[0], {each.program: each for each in rates[1:]}
    yield comparison.Comparison(
        f'points on disk, {arguments.files} files',
        UNIT,
        ours,
        tuple(peers.values()),
        (
            (
                f'at least {MIN_RATIO:g} times the points of a call of '
                'rrdtool.update for each',
                ours.median >= MIN_RATIO * peers[ONE_BY_ONE].median,
            ),
            (
                'at least as many points as collectd, without receiving them',
                ours.median >= peers[COLLECTD_WRITING].median,
            ),
        ),
    )
    yield comparison.Comparison(
        'bytes that become dirty', BYTES_UNIT, sizes[0], sizes[1:], ()
    )


def measure(
    turns: Turns,
    programs: tuple[str, ...],
    arguments: argparse.Namespace,
    seconds: int = SECONDS,
) -> tuple[tuple[comparison.Figure, ...], tuple[comparison.Figure, ...]]:
    """Return the points per CPU second of programs, and bytes per point.

    :param seconds: of a flush.
    """
    turns_of: dict[str, list[rrd_work.Cost]] = collections.defaultdict(list)
    for number in range(arguments.rounds):
        for program in programs:
            simulation.report(f'round {number + 1}: {program}')
            turns_of[program].append(
                turns.run(program, arguments.flushes, seconds)
            )
    if COLLECTD_RECEIVING in turns_of:
        turns_of[COLLECTD_WRITING] = [
            whole._replace(cpu=whole.cpu - receiving.cpu)
            for whole, receiving in zip(
                turns_of[COLLECTD],
                turns_of.pop(COLLECTD_RECEIVING),
                strict=True,
            )
        ]
    points = turns.count * arguments.flushes * seconds
    return (
        _figures(turns_of, lambda cost: points / cost.cpu),
        _figures(turns_of, lambda cost: cost.written / points),
    )


def _figures(
    turns_of: dict[str, list[rrd_work.Cost]],
    value: collections.abc.Callable[[rrd_work.Cost], float],
) -> tuple[comparison.Figure, ...]:
    return tuple(
        comparison.figure(
            program,
            [value(cost) for cost in costs],
            max(cost.memory for cost in costs),
        )
        for program, costs in turns_of.items()
    )


if __name__ == '__main__':
    sys.exit(main())
