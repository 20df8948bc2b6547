# SPDX-License-Identifier: Apache-2.0

"""One agent with hundreds of wattmeters, of which a tenth fails at a time.

Simulates BMCs (ipmi_sim), PDUs (snmpd), an OmegaWatt Multivoies (a terminal
with a hundred frames a second) and dummy wattmeters, in about three gigabytes
of memory. Prints a table and the claims; the exit code is 1 if a claim fails.
energy_meter/tests/functional/test_fleet.py is the short form.
"""

import argparse
import collections
import collections.abc
import time

import prettytable

from energy_meter.tests.functional import fleet
from energy_meter.tests.functional import simulation

#: Maximum seconds until a repaired meter is read again: the longest backoff
#: and the timeouts of the driver.
RECOVERY_S = 75.0

#: Maximum growth of the agent from the beginning to the end.
MAX_MORE_THREADS = 2
MAX_MORE_DESCRIPTORS = 4
MAX_MORE_MEMORY = 8.0


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = parse()
    scale = fleet.Scale(
        arguments.bmcs,
        arguments.pdus,
        arguments.outlets,
        bmc_interval=arguments.bmc_interval,
        pdu_interval=arguments.pdu_interval,
        outage=arguments.seconds / fleet.Scale.groups,
    )
    print(f'Starting {scale.bmcs} BMCs and {scale.pdus} PDUs', flush=True)
    with fleet.Fleet(scale) as meters:
        with fleet.Watch(meters.agent.pid) as watch:
            print(
                'All meters have been read; they now fail in turn', flush=True
            )
            meters.fail_in_turn()
            meters.wait_for_recovery(2 * RECOVERY_S)
        ended = time.time()
        print(table(meters, ended))
        print(usage(watch.usage, ended - meters.began))
        claims = list(judge(meters, watch.usage, ended))
    return simulation.judge(claims)


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--bmcs', type=int, default=200)
    parser.add_argument('--pdus', type=int, default=50)
    parser.add_argument(
        '--outlets', type=int, default=48, help='outlets of each PDU'
    )
    parser.add_argument(
        '--bmc-interval',
        type=float,
        default=5.0,
        help='seconds between two readings',
    )
    parser.add_argument(
        '--pdu-interval',
        type=float,
        default=1.0,
        help='seconds between two readings',
    )
    parser.add_argument('--seconds', type=float, default=300.0)
    return parser.parse_args()


def table(meters: fleet.Fleet, ended: float) -> str:
    """Return the results of each kind of meter as a table."""
    kinds: dict[str, list[fleet.Meter]] = collections.defaultdict(list)
    for meter in meters.meters:
        kinds[meter.kind].append(meter)
    output = prettytable.PrettyTable(
        [
            'kind',
            'meters',
            'probes',
            'interval s',
            'failed',
            'readings',
            'missed',
            'invented',
            'longest return s',
        ],
        align='r',
    )
    for kind, members in kinds.items():
        pairs = [(meter, probe) for meter in members for probe in meter.probes]
        output.add_row(
            [
                kind,
                len(members),
                len(pairs),
                f'{members[0].interval:g}',
                sum(len(meter.outages) for meter in members),
                sum(len(meters.readings.times[probe]) for _, probe in pairs),
                sum(meters.missed(*pair, ended) for pair in pairs),
                sum(meters.invented(*pair) for pair in pairs),
                f'{max(meters.recovery(*pair) or 0 for pair in pairs):.1f}',
            ]
        )
    return output.get_string()


def usage(seen: list[fleet.Usage], seconds: float) -> str:
    """Return the resource usage of the agent as a table."""
    output = prettytable.PrettyTable(
        ['agent', 'start', 'maximum', 'end'], align='r'
    )
    for name in ('threads', 'descriptors', 'memory'):
        values = [getattr(one, name) for one in seen]
        output.add_row(
            [
                name + (' MiB' if name == 'memory' else ''),
                *(
                    f'{value:.0f}'
                    for value in (values[0], max(values), values[-1])
                ),
            ]
        )
    share = (seen[-1].seconds - seen[0].seconds) / seconds
    return f'{output.get_string()}\nprocessor: {share:.0%} of one core'


def judge(
    meters: fleet.Fleet,
    seen: list[fleet.Usage],
    ended: float,
) -> collections.abc.Iterator[tuple[str, bool]]:
    """Yield each claim and whether it holds."""
    pairs = [
        (meter, probe) for meter in meters.meters for probe in meter.probes
    ]
    yield (
        'every healthy probe has a reading in each interval',
        not any(meters.missed(*pair, ended) for pair in pairs),
    )
    yield (
        'no probe has a reading while its meter fails',
        not any(meters.invented(*pair) for pair in pairs),
    )
    yield (
        f'every meter that failed is back within {RECOVERY_S:g} s',
        all((meters.recovery(*pair) or 0) <= RECOVERY_S for pair in pairs),
    )
    first, last = seen[0], seen[-1]
    yield (
        'threads, descriptors and memory do not grow',
        last.threads <= first.threads + MAX_MORE_THREADS
        and last.descriptors <= first.descriptors + MAX_MORE_DESCRIPTORS
        and last.memory <= first.memory + MAX_MORE_MEMORY,
    )


if __name__ == '__main__':
    raise SystemExit(main())
