# SPDX-License-Identifier: Apache-2.0

"""What the meters had, and what the database says."""

import collections.abc
import time

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.agent import journal
from energy_meter.agent import state
from energy_meter.collector import accounts
from energy_meter.collector import merge
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import verdict

#: Seconds that the last words of the agents have to reach the database.
PATIENCE = 60.0

Books = dict[str, merge.Account]


def settle(site: installation.Installation) -> verdict.Verdict:
    """Stop metering, let the last words arrive, and compare."""
    site.stop_agents()
    words = _read_journals(site)
    _await(site, words)
    for name in installation.COLLECTORS:
        site.processes[name].stop()
    books = _load(site)
    return verdict.judge(
        _stretches(words, books, site.deaths),
        {
            probe: verdict.Bill(
                account.millijoules,
                {
                    register.name: register.credited
                    for register in _registers(account)
                },
            )
            for probe, account in books.items()
        },
        installation.WATTS,
        site.spans(),
    )


def _read_journals(
    site: installation.Installation,
) -> dict[verdict.Key, measurement.Measurement]:
    """Read the last words of all registers that ever were."""
    words = {}
    for configuration in site.agents.values():
        directory = state.StateDirectory(configuration.directory / 'state')
        for word, _ in journal.load(directory):
            words[word.register.agent, word.register.id] = word
        directory.close()
    return words


def _await(
    site: installation.Installation,
    words: dict[verdict.Key, measurement.Measurement],
) -> None:
    """Wait until the last words have arrived.

    What has not arrived in the end is lost, and the verdict shows it.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        arrived = {
            register.name: register.elapsed
            for account in _load(site).values()
            for register in _registers(account)
        }
        if all(
            arrived.get(key, -1.0) >= word.elapsed
            for key, word in words.items()
        ):
            return
        time.sleep(0.2)


def _load(site: installation.Installation) -> Books:
    engine = sa.create_engine(site.url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return accounts.load(connection, site.all_probes(), lock=False)


def _registers(
    account: merge.Account,
) -> collections.abc.Iterator[merge.RegisterState]:
    if account.owner is not None:
        yield account.owner
    yield from account.others.values()


def _stretches(
    words: dict[verdict.Key, measurement.Measurement],
    books: Books,
    deaths: dict[tuple[str, int], float],
) -> collections.abc.Iterator[verdict.Stretch]:
    """Tell how long each register lived.

    :param deaths: when each incarnation of an agent was killed: what it
        published after its last journal, only the database knows.
    """
    seconds = {
        (word.probe.id, key): word.metered for key, word in words.items()
    }
    unpublished = {}
    for probe, account in books.items():
        for register in _registers(account):
            place = probe, register.name
            death = deaths.get((register.key.agent, register.key.incarnation))
            if death is not None:
                seconds[place] = max(seconds.get(place, 0.0), register.metered)
                unpublished[place] = max(0.0, death - register.moment)
    for place, length in seconds.items():
        yield verdict.Stretch(*place, length, unpublished.get(place, 0.0))
