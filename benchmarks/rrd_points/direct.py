# SPDX-License-Identifier: Apache-2.0

"""Programs that write the files themselves, each in a process of its own."""

import collections.abc
import concurrent.futures
import logging
import multiprocessing
import uuid

import psutil
import rrdtool

from benchmarks.rrd_points import work as rrd_work
from energy_meter import conf as energy_meter_conf
from energy_meter import garbage
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.rrd import metrics
from energy_meter.rrd.writing import writer
from energy_meter.telemetry import counters

Program = collections.abc.Callable[[rrd_work.Work], rrd_work.Cost]


def in_process(program: Program) -> Program:
    """Return a program that runs in a new process."""

    def run(work: rrd_work.Work) -> rrd_work.Cost:
        with concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context('spawn')
        ) as executor:
            return executor.submit(program, work).result()

    return run


def energy_meter(work: rrd_work.Work) -> rrd_work.Cost:
    """Write as energy-meter-rrd does, from measurements to files."""
    garbage.tune()
    conf = energy_meter_conf.load([], 'benchmark', files=[])
    conf.set_override('directory', str(work.directory), 'rrd')
    archive = writer.Writer(
        conf,
        counters.Counters(metrics.COUNTERS),
        log_throttle.ThrottledLogger(logging.getLogger()),
    )
    measurements = _measurements(work)

    def flush(times: range) -> None:
        archive.put(measurements[times])
        archive.flush()

    cost = rrd_work.measure(work, psutil.Process(), flush)
    archive.close()
    return cost


def one_by_one(work: rrd_work.Work) -> rrd_work.Cost:
    """Call ``rrdtool.update`` for each point."""

    def flush(times: range) -> None:
        for timestamp in times:
            for number, path in enumerate(paths):
                watts = rrd_work.watts(number, timestamp)
                rrdtool.update(path, f'{timestamp}:{watts}')

    paths = work.paths()
    return rrd_work.measure(work, psutil.Process(), flush)


def together(work: rrd_work.Work) -> rrd_work.Cost:
    """Call ``rrdtool.update`` once for all points of a file and a flush."""

    def flush(times: range) -> None:
        for number, path in enumerate(paths):
            rrdtool.update(
                path,
                *(
                    f'{timestamp}:{rrd_work.watts(number, timestamp)}'
                    for timestamp in times
                ),
            )

    paths = work.paths()
    return rrd_work.measure(work, psutil.Process(), flush)


def _measurements(
    work: rrd_work.Work,
) -> dict[range, list[measurement.Measurement]]:
    """Return the measurements of each flush, by its timestamps."""
    agent = str(uuid.uuid4())
    flushes: dict[range, list[measurement.Measurement]] = {
        times: [] for times in work.times()
    }
    for number in range(work.count):
        probe = measurement.Probe(
            rrd_work.name(number), 'outlet', 'host', 'pdu', 'snmp', 'agent'
        )
        series = measurement.Series(
            probe,
            measurement.RegisterKey(agent, f'{number:016x}'),
            None,
            True,
        )
        joules = 0.0
        for times, measurements in flushes.items():
            for timestamp in times:
                watts = rrd_work.watts(number, timestamp)
                joules += watts
                elapsed = (timestamp - work.start) * 1000
                measurements.append(
                    measurement.Measurement(
                        series,
                        timestamp * 1000,
                        elapsed,
                        round(joules * 1000),
                        elapsed,
                        watts,
                    )
                )
    for measurements in flushes.values():
        # As they come from the bus.
        measurements.sort(key=lambda received: received.timestamp)
    return flushes
