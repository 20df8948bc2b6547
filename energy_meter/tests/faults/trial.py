# SPDX-License-Identifier: Apache-2.0

"""Injects one fault into one installation."""

import time
import typing

from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import reconciliation
from energy_meter.tests.faults import schedule
from energy_meter.tests.faults import verdict
from energy_meter.tests.faults import watch

#: Maximum seconds until the API is current, at the start and after a fault.
RECOVERY_TIMEOUT_S = 120.0
#: Characters at the end of each log that are shown if that fails.
_LOG_LENGTH = 2000


class Outcome(typing.NamedTuple):
    """Effects of a fault.

    :ivar duration: seconds from its injection to the end of its repair.
    :ivar current_after: seconds from the end of the repair until the API
        had a later measurement of each probe.
    :ivar pause: longest time, in seconds, without a new value of a probe in
        the API.
    :ivar memory: peak memory of each service, in bytes.
    """

    duration: float
    verdict: verdict.Verdict
    current_after: float
    pause: float
    memory: dict[str, int]


def run(
    peers: installation.Peers,
    injected: fault.Fault,
    injection: schedule.Injection,
) -> Outcome:
    """Inject a fault into a new installation.

    :raises AssertionError: if the installation does not start or recover, or
        the fault has no effect.
    """
    with (
        installation.Installation(peers, injected.prepare) as site,
        watch.Watch(site) as seen,
    ):
        try:
            return _inject(site, seen, injected, injection)
        except AssertionError as error:
            # The logs are deleted with the installation.
            for name, process in site.processes.items():
                error.add_note(f'{name}: {process.output()[-_LOG_LENGTH:]}')
            raise


def _inject(
    site: installation.Installation,
    seen: watch.Watch,
    injected: fault.Fault,
    injection: schedule.Injection,
) -> Outcome:
    seen.wait_until_current(RECOVERY_TIMEOUT_S)
    time.sleep(injection.lead)
    began = time.monotonic()
    injected.begin(site)
    time.sleep(max(injection.duration, injected.min_duration_s))
    if not injected.has_effect(site):
        raise AssertionError(f'{injection.fault} has no effect')
    injected.end(site)
    duration = time.monotonic() - began
    current_after = seen.wait_until_current(RECOVERY_TIMEOUT_S)
    _check_alive(site)
    # Read it before reconciling, which stops the metering: to the API
    # that looks like another pause.
    pause = seen.pause
    return Outcome(
        duration,
        reconciliation.reconcile(site),
        current_after,
        pause,
        seen.memory,
    )


def _check_alive(site: installation.Installation) -> None:
    dead = [
        name
        for name, process in site.processes.items()
        if process.returncode is not None
    ]
    if dead:
        raise AssertionError(f'{", ".join(dead)} exited')
