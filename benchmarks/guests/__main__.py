# SPDX-License-Identifier: Apache-2.0

"""Energy of real guests, as the API answers it, and what they caused.

A cgroup with libvirtd, four or five guests in QEMU without KVM, and a program
that computes is the host. Its power is a known function of its CPU time, once
linear and once concave. Real agents, RabbitMQ, PostgreSQL, collectors and APIs
meter it. What the guests caused is integrated from 20 samples a second. Then
the day is closed. Each tenant reads the energy of her guests from the API, the
command line and Gnocchi, is charged for it by CloudKitty, and tries to read
that of others. Prints all of this, and the claims; the exit code is 1 if a
claim fails. The package describes what runs, and what it needs.
"""

import argparse
import contextlib
import os
import sys
import time
import typing

import prettytable

from benchmarks.guests import cloud
from benchmarks.guests import everything
from benchmarks.guests import machine
from benchmarks.guests import peers
from benchmarks.guests import plans
from benchmarks.guests import privacy
from benchmarks.guests import telemetry
from benchmarks.guests import trace
from energy_meter.tests.functional import simulation

#: Maximum error in percent of an instance that neither starts nor stops, if
#: the power of the host is linear.
MAX_ERROR = 1.0
#: More than a guest causes: one CPU of linear power, and half the idle power.
GUEST_WATTS = 60 + trace.IDLE_WATTS / 2

_QUARTER_MS = 900_000
#: Time until a measurement is answered, at most.
_SETTLED_S = 15
#: Time after midnight at which days are closed, and Ceilometer polls them.
_CLOSING_S = 4 * 3600


class Error(typing.NamedTuple):
    """Error of the energy of a guest, in J, and what it caused."""

    name: str
    joules: float
    truth: float

    @property
    def percent(self) -> float:
        """In percent of what it caused."""
        return 100 * self.joules / self.truth


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = parse()
    began = int(time.time() * 1000)
    midnight = began // 1000 // telemetry.DAY_S * telemetry.DAY_S
    with contextlib.ExitStack() as stack:
        site = everything.start(stack, arguments.reading)
        events = plans.PLANS[arguments.plan](
            site.host, site.guests, site.clouds.values()
        )
        pace = arguments.seconds / plans.SECONDS
        machine.perform(
            [(pace * second, *event) for second, *event in events],
            simulation.report,
        )
        for each in site.clouds.values():
            each.agent.stop()
        site.host.rest()
        time.sleep(_SETTLED_S)
        claims: list[simulation.Claim] = []
        for curve, each in site.clouds.items():
            claims += judge(each, curve, site, began, arguments)
        claims += close(site, midnight)
        if arguments.plan == 'faults':
            for curve, each in site.clouds.items():
                claims += restate(each, curve, midnight)
    return simulation.judge(claims)


def close(site: everything.Site, midnight: int) -> list[simulation.Claim]:
    """Close the day that began at midnight, and return the claims."""
    early = [*map(site.service.polled, telemetry.METERS)]
    site.clocks.set_wall(midnight + telemetry.DAY_S + _CLOSING_S - time.time())
    for each in site.clouds.values():
        each.close()
    simulation.report('the day is closed')
    uuids = {guest.uuid for guest in site.guests.values()}
    privacy.wait(site.service, uuids)
    simulation.report('Gnocchi has the day')
    return [
        ('Ceilometer publishes nothing of a day that is open', not any(early)),
        *privacy.judge(site.service, site.people, site.host.owners, midnight),
    ]


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or '').partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--plan', choices=plans.PLANS, default='steady')
    parser.add_argument('--seconds', type=int, default=plans.SECONDS)
    parser.add_argument(
        '--reading',
        type=int,
        default=5,
        help='seconds between two readings of CPU time',
    )
    return parser.parse_args()


def judge(
    metered: cloud.Cloud,
    curve: str,
    site: everything.Site,
    began: int,
    arguments: argparse.Namespace,
) -> list[simulation.Claim]:
    """Print the errors of all guests, and return the claims."""
    start = began // _QUARTER_MS * _QUARTER_MS
    until = (int(time.time() * 1000) // _QUARTER_MS + 1) * _QUARTER_MS
    known = metered.known(start, until)
    truth = site.recorder.truth(curve, known)
    rows = metered.rows(start, until)
    load = os.getloadavg()[1]
    seconds = sum(end - begin for begin, end in known) / 1000
    print(
        f'{curve} power, {arguments.plan}: {seconds:.0f} '
        f's, {truth.host:.0f} J, load average {load:.1f}'
    )
    errors = compare(rows, truth, site.guests)
    runs = [site.recorder.within(*each) for each in known]
    others = peers.attribute(runs, curve, arguments.reading)
    print(score(others, errors, truth, site.guests))
    claims = [
        (f'{curve}: all parts add up', all(map(cloud.Row.is_exact, rows)))
    ]
    if curve != 'linear':
        return claims
    for each in errors:
        limit = each.truth * MAX_ERROR / 100
        if arguments.plan == 'faults':
            limit += plans.CHANGES[each.name] * arguments.reading * GUEST_WATTS
        claims.append(
            (
                f'linear: {each.name} is within {limit:.0f} J',
                abs(each.joules) <= limit,
            )
        )
    return claims


def compare(
    rows: list[cloud.Row], truth: trace.Truth, guests: plans.Guests
) -> list[Error]:
    """Print and return the errors of all guests."""
    table = prettytable.PrettyTable(
        [
            'instance',
            'CPU s',
            'caused J',
            'attributed J',
            'error J',
            '% of it',
            '% of the host',
        ],
        align='r',
    )
    errors = []
    for name, guest in guests.items():
        caused = truth.guests[guest.uuid]
        found = sum(each.guests.get(guest.uuid, 0) for each in rows) / 1000
        error = Error(name, found - caused, caused)
        errors.append(error)
        table.add_row(
            [
                name,
                f'{truth.cpu[guest.uuid]:.1f}',
                f'{caused:.1f}',
                f'{found:.1f}',
                f'{error.joules:+.1f}',
                f'{error.percent:+.2f}',
                f'{100 * error.joules / truth.host:+.3f}',
            ]
        )
    # Before and after, only the energy is known, or neither.
    energy = sum(each.energy - each.parts[-1] for each in rows) / 1000
    table.add_row(
        [
            'host',
            '',
            f'{truth.host:.1f}',
            f'{energy:.1f}',
            f'{energy - truth.host:+.1f}',
            f'{100 * (energy / truth.host - 1):+.2f}',
            '',
        ]
    )
    print(table)
    return errors


def score(
    others: dict[str, dict[str, float]],
    errors: list[Error],
    truth: trace.Truth,
    guests: plans.Guests,
) -> prettytable.PrettyTable:
    """Return the sum of the errors of all guests by formula, as a table."""
    sums = {
        name: sum(
            abs(found.get(guest.uuid, 0.0) - truth.guests[guest.uuid])
            for guest in guests.values()
        )
        for name, found in others.items()
    }
    sums['energy_meter'] = sum(abs(each.joules) for each in errors)
    table = prettytable.PrettyTable(
        ['formula', 'sum of errors, % of the host'], align='r'
    )
    for name, joules in sums.items():
        table.add_row([name, f'{100 * joules / truth.host:.2f}'])
    return table


def restate(
    metered: cloud.Cloud, curve: str, midnight: int
) -> list[simulation.Claim]:
    """Void a register, and return the claims about the closed day."""
    start, until = midnight * 1000, (midnight + telemetry.DAY_S) * 1000
    date = metered.now()
    removed = metered.void_one()
    versions = metered.versions()
    before = metered.rows(start, until, as_of=date)
    after = metered.rows(start, until)
    difference = sum(each.energy for each in before) - sum(
        each.energy for each in after
    )
    print(
        f'{curve}: versions '
        f'{", ".join(str(each.version) for each in versions)}; '
        f'{removed / 1000:.1f} J were voided, {difference / 1000:.1f} J are '
        'missing in the last version'
    )
    return [
        (f'{curve}: the day has two versions', len(versions) == 2),
        (
            f'{curve}: all parts add up in both versions',
            all(map(cloud.Row.is_exact, [*before, *after])),
        ),
        (f'{curve}: what was voided is missing', difference == removed),
    ]


if __name__ == '__main__':
    sys.exit(main())
