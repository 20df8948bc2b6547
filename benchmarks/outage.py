# SPDX-License-Identifier: Apache-2.0

"""A day without a broker, for an agent with ten thousand probes.

The clocks of the agent are a day behind, and pass faster while the broker is
stopped, so that they are right when it returns. The agent makes all readings
of the day, at most ``--interval`` apart.

Prints the resource usage of the agent and the claims; the exit code is 1 if a
claim fails.
"""

import argparse
import collections.abc
import contextlib
import pathlib
import sys
import time
import typing

import prettytable
import sqlalchemy as sa

from energy_meter.agent import mark_file
from energy_meter.db import schema
from energy_meter.tests.faults import clock_shim
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import reconciliation
from energy_meter.tests.faults import trial
from energy_meter.tests.faults import verdict
from energy_meter.tests.faults import watch
from energy_meter.tests.functional import fleet
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.services import base

AGENT = installation.AGENTS[0]
#: Number of wattmeters that share the probes.
WATTMETERS = 10

#: Maximum seconds until the API is current again, beside two readings.
RECOVERY_S = 10.0
#: Maximum seconds until the marks of the outage are in the database.
MARKS_S = 900.0
#: Maximum ratio of the memory in the second half of the outage to the first.
MAX_MEMORY_RATIO = 1.05


class Outage(typing.NamedTuple):
    """Results of an outage.

    :ivar seconds: time that it took.
    :ivar usage: resource usage of the agent, once a second.
    :ivar buffered: size of the marks that the agent had on its disk, in bytes.
    :ivar recovery: seconds from the end of the outage until the API was
        current.
    :ivar marks: seconds until the marks were in the database.
    :ivar made: number of marks that the agent wrote during the outage.
    :ivar stored: number of marks of that time that are in the database.
    """

    seconds: float
    usage: list[fleet.Usage]
    buffered: int
    recovery: float
    marks: float
    made: int
    stored: int
    verdict: verdict.Verdict


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = parse()
    outage = run(arguments)
    print(table(outage))
    recovery = RECOVERY_S + 2 * arguments.interval
    return simulation.judge(list(judge(outage, recovery)))


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--probes', type=int, default=10_000)
    parser.add_argument(
        '--hours', type=float, default=24.0, help='length of the outage'
    )
    parser.add_argument(
        '--interval',
        type=float,
        default=60.0,
        help='seconds between two readings on the clock of the agent',
    )
    parser.add_argument(
        '--factor',
        type=int,
        default=180,
        help='how many times faster the clocks of the agent pass',
    )
    return parser.parse_args()


def run(arguments: argparse.Namespace) -> Outage:
    """Stop the broker until a day has passed on the clocks of the agent."""
    clocks = clock_shim.ClockShim()
    ends_at = round(arguments.hours * installation.HOUR * 1000)
    with (
        installation.Peers() as peers,
        installation.Installation(
            peers, lambda site: prepare(site, clocks, arguments)
        ) as site,
        watch.Watch(site, interval=1.0) as seen,
    ):
        base.wait_for(
            lambda: registers(site) >= arguments.probes,
            trial.RECOVERY_TIMEOUT_S,
            'the first measurement of each probe',
        )
        report('Stopping the broker')
        peers.broker.kill()
        waited = wait(site, clocks, arguments)
        size = buffered(site)
        made = marks_made(site, ends_at)
        peers.broker.start()
        returned = time.monotonic()
        report('The broker is running again')
        recovery = seen.wait_until_current(
            trial.RECOVERY_TIMEOUT_S + 2 * arguments.interval
        )
        base.wait_for(
            lambda: marks_stored(site, ends_at) >= made,
            MARKS_S,
            'the marks to be in the database',
        )
        return Outage(
            *waited,
            size,
            recovery,
            time.monotonic() - returned,
            made,
            marks_stored(site, ends_at),
            reconciliation.reconcile(site),
        )


def prepare(
    site: installation.Installation,
    clocks: clock_shim.ClockShim,
    arguments: argparse.Namespace,
) -> None:
    """Add the wattmeters of the agent, and set its clocks back."""
    site.useFixture(clocks)
    clocks.set_wall(-arguments.hours * installation.HOUR)
    site.processes[AGENT].env |= clocks.env
    for number in range(WATTMETERS):
        site.add_meter(
            AGENT,
            f'pdu{number}',
            arguments.probes // WATTMETERS,
            interval=arguments.interval,
        )
    site.agents[AGENT].set('agent', publish_interval=1.0)


def wait(
    site: installation.Installation,
    clocks: clock_shim.ClockShim,
    arguments: argparse.Namespace,
) -> tuple[float, list[fleet.Usage]]:
    """Wait until the clocks of the agent are right.

    :returns: the time in seconds, and the resource usage of the agent.
    """
    behind = arguments.hours * installation.HOUR
    duration = clocks.accelerate(
        behind * arguments.factor / (arguments.factor - 1), arguments.factor
    )
    with fleet.Watch(site.processes[AGENT].pid) as seen:
        until = time.monotonic() + duration
        while (left := until - time.monotonic()) > 0:
            report(
                f'{left:.0f} s left, {seen.usage[-1].memory:.0f} MiB, '
                f'{buffered(site) >> 20} MiB of marks'
            )
            time.sleep(min(left, 10.0))
    return duration, seen.usage


def buffered(site: installation.Installation) -> int:
    """Return the size of the marks that the agent has on its disk."""
    directory = pathlib.Path(site.state(AGENT), 'marks')
    return sum(file.stat().st_size for file in directory.iterdir())


def registers(site: installation.Installation) -> int:
    """Return the number of registers in the database."""
    with sa.create_engine(site.url, poolclass=sa.NullPool).connect() as each:
        found = each.scalar(
            sa.select(sa.func.count()).select_from(schema.register)
        )
    return int(found or 0)


def marks_made(site: installation.Installation, ends_at: int) -> int:
    """Return the number of marks that the agent made.

    :param ends_at: the largest elapsed time that counts, in ms.
    """
    found: set[tuple[object, int]] = set()
    for path in pathlib.Path(site.state(AGENT), 'marks').iterdir():
        with contextlib.closing(mark_file.Reader(path)) as reader:
            while block := reader.read():
                found.update((mark.register, mark.elapsed) for mark in block)
    # The opening is known without a mark.
    made = sum(0 < elapsed <= ends_at for _, elapsed in found)
    report(f'{made} marks')
    return made


def marks_stored(site: installation.Installation, ends_at: int) -> int:
    """Return the number of marks of the agent in the database.

    :param ends_at: the largest elapsed time that counts, in ms.
    """
    register, mark = schema.register.c, schema.mark.c
    query = (
        sa.select(sa.func.count())
        .join_from(
            schema.register, schema.mark, mark.register == register.number
        )
        .where(register.agent_name == AGENT, mark.elapsed <= ends_at)
    )
    with sa.create_engine(site.url, poolclass=sa.NullPool).connect() as each:
        found = int(each.scalar(query) or 0)
    report(f'{found} marks are in the database')
    return found


def table(outage: Outage) -> str:
    """Return the resource usage of the agent as a table."""
    output = prettytable.PrettyTable(
        ['outage', 'agent MiB', 'threads'], align='r'
    )
    last = len(outage.usage) - 1
    for part in (0, 10, 25, 50, 75, 100):
        usage = outage.usage[last * part // 100]
        output.add_row([f'{part} %', f'{usage.memory:.0f}', usage.threads])
    first, final = outage.usage[0], outage.usage[-1]
    share = (final.seconds - first.seconds) / outage.seconds
    return (
        f'{output.get_string()}\n'
        f'{outage.seconds:.0f} s; processor: {share:.0%} of one core; '
        f'peak memory: {peak(outage.usage):.0f} MiB; marks on the disk: '
        f'{outage.buffered / 2**20:.1f} MiB\n'
        f'{outage.verdict.metered / 1000:.3f} J metered; the API was '
        f'current {outage.recovery:.1f} s, and all marks were in the '
        f'database {outage.marks:.0f} s, after the broker returned'
    )


def peak(usage: list[fleet.Usage]) -> float:
    """Return the peak memory, in MiB."""
    return max(one.memory for one in usage)


def judge(
    outage: Outage, recovery: float
) -> collections.abc.Iterator[tuple[str, bool]]:
    """Yield each claim and whether it holds."""
    middle = len(outage.usage) // 2
    found = outage.verdict
    yield (
        'the memory of the agent does not grow in the second half of the '
        'outage',
        peak(outage.usage[middle:])
        <= MAX_MEMORY_RATIO * peak(outage.usage[:middle]),
    )
    yield (
        f'{found.lost} mJ lost, {found.doubled} mJ billed twice',
        found.lost == found.doubled == found.unpublished == 0,
    )
    yield (
        f'{outage.stored} of {outage.made} marks are in the database',
        outage.stored >= outage.made,
    )
    yield (
        f'the API is current within {recovery:g} s',
        outage.recovery <= recovery,
    )


def report(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == '__main__':
    sys.exit(main())
