# SPDX-License-Identifier: Apache-2.0

"""One hour without a broker, for an agent with ten thousand probes.

The load of an outage depends on the number of measurements made meanwhile,
not on its length: each measurement is queued or coalesced. The hour is
therefore compressed: the agent makes the readings of an hour at one reading a
second, but as fast as it can.

Prints the resource usage of the agent and the claims; the exit code is 1 if a
claim fails.
"""

import argparse
import collections.abc
import sys
import time
import typing

import prettytable
from prometheus_client import parser as prometheus_parser
import requests

from energy_meter.tests.faults import installation
from energy_meter.tests.faults import reconciliation
from energy_meter.tests.faults import trial
from energy_meter.tests.faults import verdict
from energy_meter.tests.faults import watch
from energy_meter.tests.functional import fleet
from energy_meter.tests.functional.services import base

AGENT = installation.AGENTS[0]
#: Number of wattmeters that share the probes.
WATTMETERS = 10

#: Maximum seconds until the API is current again.
RECOVERY_S = 10.0
#: Maximum ratio of the memory in the second half of the outage to the first.
MAX_MEMORY_RATIO = 1.05


class Outage(typing.NamedTuple):
    """Results of an outage.

    :ivar seconds: length of the outage.
    :ivar readings: readings of each probe during the outage.
    :ivar usage: resource usage of the agent, once a second.
    :ivar recovery: seconds from the end of the outage until the API was
        current.
    """

    seconds: float
    readings: float
    usage: list[fleet.Usage]
    recovery: float
    verdict: verdict.Verdict


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = parse()
    outage = run(arguments)
    print(table(outage))
    claims = list(judge(outage))
    for text, holds in claims:
        print('holds ' if holds else 'FAILS ', text)
    return 0 if all(holds for _, holds in claims) else 1


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--probes', type=int, default=10_000)
    parser.add_argument(
        '--readings',
        type=int,
        default=3600,
        help='readings of each probe during the outage',
    )
    parser.add_argument(
        '--interval',
        type=float,
        default=0.2,
        help='seconds between two readings, if the agent keeps up',
    )
    return parser.parse_args()


def run(arguments: argparse.Namespace) -> Outage:
    """Stop the broker until the agent has made enough readings."""
    port = base.free_port()

    def prepare(site: installation.Installation) -> None:
        for number in range(WATTMETERS):
            site.add_meter(
                AGENT,
                f'pdu{number}',
                arguments.probes // WATTMETERS,
                interval=arguments.interval,
            )
        site.agents[AGENT].set('metrics', port=port)
        site.agents[AGENT].set('agent', publish_interval=1.0)

    with (
        installation.Peers() as peers,
        installation.Installation(peers, prepare) as site,
        watch.Watch(site, interval=1.0) as seen,
    ):
        seen.wait_until_current(trial.RECOVERY_TIMEOUT_S)
        report('Stopping the broker')
        peers.broker.kill()
        before, began = measured(port), time.monotonic()
        with fleet.Watch(site.processes[AGENT].pid) as seen_of_agent:
            while (
                readings := (measured(port) - before) / arguments.probes
            ) < arguments.readings:
                report(
                    f'{readings:.0f} readings of each probe, '
                    f'{seen_of_agent.usage[-1].memory:.0f} MiB'
                )
                time.sleep(10)
        seconds = time.monotonic() - began
        peers.broker.start()
        report('The broker is running again')
        recovery = seen.wait_until_current(trial.RECOVERY_TIMEOUT_S)
        return Outage(
            seconds,
            readings,
            seen_of_agent.usage,
            recovery,
            reconciliation.reconcile(site),
        )


def measured(port: int) -> float:
    """Return the number of measurements that an agent has made."""
    text = requests.get(f'http://127.0.0.1:{port}/metrics', timeout=30).text
    counters = (
        'energy_meter_measurements_published_total',
        'energy_meter_backlog_coalesced_total',
        'energy_meter_backlog_measurements',
    )
    return sum(
        sample.value
        for family in prometheus_parser.text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in counters
    )


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
        f'{outage.readings:.0f} readings of each probe in '
        f'{outage.seconds:.0f} s; processor: {share:.0%} of one core; '
        f'peak memory: {peak(outage.usage):.0f} MiB\n'
        f'{outage.verdict.metered / 1000:.3f} J metered; the API was '
        f'current {outage.recovery:.1f} s after the broker returned'
    )


def peak(usage: list[fleet.Usage]) -> float:
    """Return the peak memory, in MiB."""
    return max(one.memory for one in usage)


def judge(
    outage: Outage,
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
        f'the API is current within {RECOVERY_S:g} s',
        outage.recovery <= RECOVERY_S,
    )


def report(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == '__main__':
    sys.exit(main())
