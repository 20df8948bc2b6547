# SPDX-License-Identifier: Apache-2.0

"""One fault on one installation, from beginning to end."""

import time
import typing

from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import ledger
from energy_meter.tests.faults import schedule
from energy_meter.tests.faults import verdict
from energy_meter.tests.faults import watch

#: Seconds that the API has to be current, at first and after a fault.
PATIENCE = 120.0


class Outcome(typing.NamedTuple):
    """What came of a fault.

    :ivar duration: seconds for which it lasted, with its repair.
    :ivar current_after: seconds from the end of its repair until the API
        showed each probe as measured after that.
    :ivar pause: longest time, in seconds, for which the API showed nothing
        new of a probe.
    :ivar memory: by process of ours, the most that it had, in bytes.
    """

    duration: float
    verdict: verdict.Verdict
    current_after: float
    pause: float
    memory: dict[str, int]


def run(
    peers: installation.Peers,
    struck_by: fault.Fault,
    injection: schedule.Injection,
) -> Outcome:
    """Let a fault strike a fresh installation.

    :raises AssertionError: when the installation does not start or recover,
        or the fault has no effect.
    """
    with (
        installation.Installation(peers, struck_by.prepare) as site,
        watch.Watch(site) as seen,
    ):
        seen.wait_until_current(PATIENCE)
        time.sleep(injection.lead)
        began = time.monotonic()
        struck_by.begin(site)
        time.sleep(max(injection.duration, struck_by.least))
        if not struck_by.has_effect(site):
            raise AssertionError(f'{injection.fault} has no effect')
        struck_by.end(site)
        duration = time.monotonic() - began
        current_after = seen.wait_until_current(PATIENCE)
        _check_alive(site)
        # What comes now stops the metering, and would look like a pause.
        pause = seen.pause
        return Outcome(
            duration, ledger.settle(site), current_after, pause, seen.memory
        )


def _check_alive(site: installation.Installation) -> None:
    dead = [
        name
        for name, process in site.processes.items()
        if process.returncode is not None
    ]
    if dead:
        raise AssertionError(f'{", ".join(dead)} ended')
