# SPDX-License-Identifier: Apache-2.0

"""Compares the energy of the meters with the energy in the database."""

import collections.abc
import time

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.agent import checkpoint
from energy_meter.agent import state
from energy_meter.collector import accounts
from energy_meter.collector import merge
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import verdict

#: Seconds until the final measurements must have reached the database.
ARRIVAL_TIMEOUT_S = 60.0

Accounts = dict[str, merge.ProbeAccount]


def reconcile(site: installation.Installation) -> verdict.Verdict:
    """Stop metering, await the final measurements and compare."""
    site.stop_agents()
    measurements = _read_checkpoints(site)
    _await(site, measurements)
    for name in installation.COLLECTORS:
        site.processes[name].stop()
    probe_accounts = _load(site)
    return verdict.judge(
        _lifetimes(measurements, probe_accounts, site.deaths),
        {
            probe: verdict.Bill(
                account.millijoules,
                {
                    register.name: register.billed
                    for register in _registers(account)
                },
            )
            for probe, account in probe_accounts.items()
        },
        installation.WATTS,
        site.spans(),
    )


def _read_checkpoints(
    site: installation.Installation,
) -> dict[verdict.Key, measurement.Measurement]:
    """Read the final measurement of every register from the checkpoints."""
    measurements = {}
    for configuration in site.agents.values():
        directory = state.StateDirectory(configuration.directory / 'state')
        for final, _ in checkpoint.load(directory):
            measurements[final.register.agent, final.register.id] = final
        directory.close()
    return measurements


def _await(
    site: installation.Installation,
    measurements: dict[verdict.Key, measurement.Measurement],
) -> None:
    """Wait until the final measurements are in the database.

    After the timeout, the verdict counts what is missing as lost.
    """
    deadline = time.monotonic() + ARRIVAL_TIMEOUT_S
    while time.monotonic() < deadline:
        arrived = {
            register.name: register.elapsed
            for account in _load(site).values()
            for register in _registers(account)
        }
        if all(
            arrived.get(key, -1.0) >= measurement.elapsed
            for key, measurement in measurements.items()
        ):
            return
        time.sleep(0.2)


def _load(site: installation.Installation) -> Accounts:
    engine = sa.create_engine(site.url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return accounts.load(connection, site.all_probes(), lock=False)


def _registers(
    account: merge.ProbeAccount,
) -> collections.abc.Iterator[merge.RegisterState]:
    if account.owner is not None:
        yield account.owner
    yield from account.others.values()


def _lifetimes(
    measurements: dict[verdict.Key, measurement.Measurement],
    probe_accounts: Accounts,
    deaths: dict[tuple[str, int], float],
) -> collections.abc.Iterator[verdict.Lifetime]:
    """Return the lifetime of each register.

    :param deaths: time at which each incarnation of an agent was killed.
        Only the database has what it published after its last checkpoint.
    """
    seconds = {
        (measurement.probe.id, key): measurement.metered_seconds
        for key, measurement in measurements.items()
    }
    unpublished = {}
    for probe, account in probe_accounts.items():
        for register in _registers(account):
            place = probe, register.name
            death = deaths.get((register.key.agent, register.key.incarnation))
            if death is not None:
                seconds[place] = max(
                    seconds.get(place, 0.0), register.metered_seconds
                )
                unpublished[place] = max(0.0, death - register.measured_until)
    for place, length in seconds.items():
        yield verdict.Lifetime(*place, length, unpublished.get(place, 0.0))
