# SPDX-License-Identifier: Apache-2.0

"""An agent that invents probes, against the RRD files of another agent."""

import concurrent.futures
import itertools
import logging
import multiprocessing
import pathlib
import tempfile
import time

from energy_meter import conf as energy_meter_conf
from energy_meter import log_throttle
from energy_meter.rrd import metrics
from energy_meter.rrd.files import names
from energy_meter.rrd.writing import writer
from energy_meter.telemetry import counters
from energy_meter.tests.attacks import attack
from energy_meter.tests.unit.rrd import base

#: Number of probes in one envelope.
PROBES = 16_000
#: Number of flushes in which the agent repeats them.
FLUSHES = 2

#: Seconds after which an attack that has not ended counts as successful.
MAX_SECONDS = 300.0

ATTACKS = ('many-rrd-files',)


def run(_name: str) -> attack.Figures:
    """Run the attack."""
    with concurrent.futures.ProcessPoolExecutor(
        1, multiprocessing.get_context('spawn')
    ) as pool:
        return pool.submit(measure).result(MAX_SECONDS)


def measure() -> attack.Figures:
    """Write what the agents send, and measure this process."""
    with tempfile.TemporaryDirectory() as directory:
        conf = energy_meter_conf.load([], 'attack', files=[])
        conf.set_override('directory', directory, 'rrd')
        archive = writer.Writer(
            conf,
            counters.Counters(metrics.COUNTERS),
            log_throttle.ThrottledLogger(logging.getLogger(__name__)),
        )
        began = int(time.time()) - 60
        rogue = [
            base.Meter(f'rogue-{number}', timestamp=began)
            for number in range(PROBES)
        ]
        other = base.Meter('other', timestamp=began)
        other.probe = other.probe._replace(agent='other')
        usage = attack.Usage()
        started = time.monotonic()
        for _ in range(FLUSHES):
            archive.put(
                meter.read() for meter in itertools.chain(rogue, [other])
            )
            archive.flush()
        latency = (time.monotonic() - started) / FLUSHES
        files = list(pathlib.Path(directory).glob(f'*{names.SUFFIX}'))
        size = sum(path.stat().st_size for path in files)
        is_written = pathlib.Path(directory, names.to_file('other')).exists()
        return usage.figures(
            latency,
            f'{len(files)} files, {size >> 20} MiB; other agent '
            f'{"is" if is_written else "is not"} written',
        )
