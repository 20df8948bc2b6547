# SPDX-License-Identifier: Apache-2.0

"""An hour without a broker, for an agent with ten thousand probes.

What an outage asks of an agent is not its length but what is measured
meanwhile: each measurement waits, or is thinned out. So the hour is
compressed: the meters are read as often as they would be in an hour of one
reading a second, only faster, as fast as the agent can.

Prints what the agent took and what was claimed; the exit code is 1 if a claim
fails.
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
from energy_meter.tests.faults import ledger
from energy_meter.tests.faults import trial
from energy_meter.tests.faults import verdict
from energy_meter.tests.faults import watch
from energy_meter.tests.functional import fleet
from energy_meter.tests.functional.services import base

AGENT = installation.AGENTS[0]
#: Ten wattmeters of a thousand probes.
WATTMETERS = 10

#: Seconds that the API has to be current again.
RECOVERY = 10.0
#: How much more memory the agent may take in the second half of an outage.
MORE_MEMORY = 1.05


class Outage(typing.NamedTuple):
    """What was seen of an outage.

    :ivar seconds: its length.
    :ivar readings: of each probe, meanwhile.
    :ivar usage: what the agent took, second by second.
    :ivar recovery: seconds from its end until the API was current.
    """

    seconds: float
    readings: float
    usage: list[fleet.Usage]
    recovery: float
    verdict: verdict.Verdict


def main() -> int:
    arguments = parse()
    outage = run(arguments)
    print(table(outage))
    claims = list(judge(outage))
    for text, holds in claims:
        print('holds ' if holds else 'FAILS ', text)
    return 0 if all(holds for _, holds in claims) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--probes', type=int, default=10_000)
    parser.add_argument(
        '--readings',
        type=int,
        default=3600,
        help='of each probe during the outage',
    )
    parser.add_argument(
        '--interval',
        type=float,
        default=0.2,
        help='seconds between two readings, if the agent can',
    )
    return parser.parse_args()


def run(arguments: argparse.Namespace) -> Outage:
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
        seen.wait_until_current(trial.PATIENCE)
        say('The broker goes')
        peers.broker.kill()
        before, began = measured(port), time.monotonic()
        with fleet.Watch(site.processes[AGENT].pid) as seen_of_agent:
            while (
                readings := (measured(port) - before) / arguments.probes
            ) < arguments.readings:
                say(
                    f'{readings:.0f} readings of each probe, '
                    f'{seen_of_agent.usage[-1].memory:.0f} MiB'
                )
                time.sleep(10)
        seconds = time.monotonic() - began
        peers.broker.start()
        say('The broker is back')
        recovery = seen.wait_until_current(trial.PATIENCE)
        return Outage(
            seconds,
            readings,
            seen_of_agent.usage,
            recovery,
            ledger.settle(site),
        )


def measured(port: int) -> float:
    """Count the measurements that an agent ever made."""
    text = requests.get(f'http://127.0.0.1:{port}/metrics', timeout=30).text
    wanted = (
        'energy_meter_measurements_total',
        'energy_meter_thinned_total',
        'energy_meter_backlog_measurements',
    )
    return sum(
        sample.value
        for family in prometheus_parser.text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in wanted
    )


def table(outage: Outage) -> str:
    """Show what the agent took over time."""
    shown = prettytable.PrettyTable(
        ['outage', 'agent MiB', 'threads'], align='r'
    )
    last = len(outage.usage) - 1
    for part in (0, 10, 25, 50, 75, 100):
        usage = outage.usage[last * part // 100]
        shown.add_row([f'{part} %', f'{usage.memory:.0f}', usage.threads])
    first, final = outage.usage[0], outage.usage[-1]
    share = (final.seconds - first.seconds) / outage.seconds
    return (
        f'{shown.get_string()}\n'
        f'{outage.readings:.0f} readings of each probe in '
        f'{outage.seconds:.0f} s; processor: {share:.0%} of one core; '
        f'most memory: {most(outage.usage):.0f} MiB\n'
        f'{outage.verdict.metered / 1000:.3f} J metered; the API was '
        f'current {outage.recovery:.1f} s after the broker was back'
    )


def most(usage: list[fleet.Usage]) -> float:
    """Give the most memory, in MiB."""
    return max(one.memory for one in usage)


def judge(
    outage: Outage,
) -> collections.abc.Iterator[tuple[str, bool]]:
    """Give what is claimed, and whether it holds."""
    middle = len(outage.usage) // 2
    found = outage.verdict
    yield (
        'the memory of the agent is flat: the second half of the outage '
        'takes no more than the first',
        most(outage.usage[middle:])
        <= MORE_MEMORY * most(outage.usage[:middle]),
    )
    yield (
        f'{found.lost} mJ lost, {found.doubled} mJ billed twice',
        found.lost == found.doubled == found.unpublished == 0,
    )
    yield (
        f'the API is current within {RECOVERY:g} s',
        outage.recovery <= RECOVERY,
    )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == '__main__':
    sys.exit(main())
