# SPDX-License-Identifier: Apache-2.0

"""Cost of points in RRD files, one file for each probe."""

import pathlib
import tempfile
import time

from benchmarks.growth import figures
from benchmarks.rrd_points import direct
from benchmarks.rrd_points import work as rrd_work
from energy_meter.tests.functional import simulation

#: Counted flushes, and seconds of each: the default flush_interval.
_FLUSHES, _SECONDS = 2, 10
_DAY_S = 86_400


def measure(probes: int, directory: str) -> figures.Points:
    """Return the cost of points for a number of probes.

    :param directory: parent of the files, of 207 kB each.
    :raises RuntimeError: if a point is missing.
    """
    simulation.report(f'RRD files of {probes} probes')
    # In the past, as points in the future are rejected.
    start = int(time.time()) // _DAY_S * _DAY_S - _DAY_S
    with tempfile.TemporaryDirectory(dir=directory) as parent:
        files = pathlib.Path(parent) / 'files'
        rrd_work.create(files, probes, start)
        work = rrd_work.Work(files, probes, start, _FLUSHES, _SECONDS)
        cost = direct.in_process(direct.energy_meter)(work)
        rrd_work.verify(work)
    return figures.Points(
        probes, work.points / cost.cpu, cost.written / work.points, cost.memory
    )
