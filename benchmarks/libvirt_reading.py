# SPDX-License-Identifier: Apache-2.0

"""CPU time that reading the instances of a compute host takes.

Starts guests that halt in a real libvirtd, and reads them with two sources of
CPU time, then once more after an event of each guest. A guest in QEMU without
KVM takes 50 MB of memory. Prints a table and the claims; the exit code is 1 if
a claim fails.
"""

import argparse
import collections.abc
import sys
import time
import typing

import prettytable
import psutil

from energy_meter.drivers.libvirt import driver
from energy_meter.tests import drivers
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.services import libvirtd

#: Maximum CPU time of the driver and libvirtd together, of one core.
MAX_SHARE = 0.01

COLUMNS = (
    'cpu_source',
    'CPU of opening ms',
    'of a reading ms',
    'libvirtd ms',
    'after events ms',
    '% of a core',
)


class Cost(typing.NamedTuple):
    """CPU time in ms, of the driver and of libvirtd."""

    driver: float
    libvirtd: float


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = parse()
    table = prettytable.PrettyTable(COLUMNS)
    claims = []
    with libvirtd.Libvirtd() as daemon:
        guests = [
            daemon.start_guest(name=f'guest-{number}')
            for number in range(arguments.guests)
        ]
        print(f'{len(guests)} guests', flush=True)
        for source in ('process', 'info'):
            cells, share = run(daemon, guests, source, arguments)
            table.add_row([source, *cells])
            claims.append(
                (
                    f'{source}: at most {MAX_SHARE:.0%} of a core',
                    share <= MAX_SHARE,
                )
            )
    print(table)
    return simulation.judge(claims)


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--guests', type=int, default=200)
    parser.add_argument('--readings', type=int, default=12)
    parser.add_argument(
        '--interval', type=float, default=10.0, help='seconds between two'
    )
    return parser.parse_args()


def run(
    daemon: libvirtd.Libvirtd,
    guests: list[libvirtd.Guest],
    source: str,
    arguments: argparse.Namespace,
) -> tuple[list[str], float]:
    """Measure one source; return cells of the table and a share of a core."""
    made = drivers.make(
        driver.Libvirt, 'cpu', uri=daemon.uri, cpu_source=source
    )

    def read() -> None:
        for _ in range(arguments.readings):
            # On a machine with other work, some are too slow: discarded.
            list(made.read())
            time.sleep(arguments.interval)

    opening = measure(daemon, made.open)
    reading = measure(daemon, read)
    for guest in guests:
        guest.call('suspend')
        guest.call('resume')
    after = measure(daemon, lambda: list(made.read()))
    made.close()
    seconds = arguments.readings * arguments.interval
    share = sum(reading) / 1000 / seconds
    return [
        f'{sum(opening):.0f}',
        f'{reading.driver / arguments.readings:.1f}',
        f'{reading.libvirtd / arguments.readings:.1f}',
        f'{sum(after):.0f}',
        f'{100 * share:.2f}',
    ], share


def measure(
    daemon: libvirtd.Libvirtd, action: collections.abc.Callable[[], object]
) -> Cost:
    """Return the CPU time of an action, which includes all threads."""
    process = psutil.Process(daemon.pid)
    before, began = process.cpu_times(), time.process_time()
    action()
    ended, after = time.process_time(), process.cpu_times()
    return Cost(
        1000 * (ended - began),
        1000 * (after.user + after.system - before.user - before.system),
    )


if __name__ == '__main__':
    sys.exit(main())
