# SPDX-License-Identifier: Apache-2.0

"""The collector's tables, checked against the pure rules.

The checks run on every database: on SQLite with the unit tests, on
PostgreSQL and MariaDB with the functional ones.
"""

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import accounts
from energy_meter.collector import agents
from energy_meter.collector import merge
from energy_meter.collector import store
from energy_meter.db import schema
from energy_meter.tests.unit.collector import world

TAKEOVER = 60.0
PROBES = ('p', 'p ', 'P', 'é', 'a/b')


def empty(engine: sa.Engine) -> None:
    """Forget everything."""
    with engine.begin() as connection:
        for table in schema.metadata.sorted_tables:
            connection.execute(table.delete())


def deliver(
    engine: sa.Engine, words: list[measurement.Measurement], now: float
) -> store.Tally:
    """Merge a batch in a transaction of its own."""
    timely = [word._replace(time=min(word.time, now)) for word in words]
    with engine.begin() as connection:
        return store.write(connection, merge.newest(timely), now, TAKEOVER)


def load(engine: sa.Engine, probe: str) -> merge.Account:
    """Read the account of a probe; an empty one if there is none."""
    with engine.begin() as connection:
        return accounts.load(connection, [probe]).get(probe, merge.Account())


def history(
    seed: int, steps: int
) -> list[tuple[float, list[measurement.Measurement]]]:
    """Make up batches of words of two agents, and when they arrive."""
    model = world.World(seed)
    batches = []
    for _ in range(steps):
        action = model.random.choice(
            [
                model.start,
                model.start,
                model.stop,
                model.kill,
                model.speak,
                model.speak,
                model.speak,
            ]
        )
        action(model.random.choice('AB'))
        model.pass_time(
            model.random.randint(1, 40), model.random.randint(0, 300)
        )
        if model.random.random() < 0.2:
            model.lose()
        if model.random.random() < 0.2:
            model.repeat()
        words = model.take()
        batches.append(
            (
                float(model.time),
                [
                    word._replace(
                        probe=word.probe._replace(
                            id=model.random.choice(PROBES)
                        )
                    )
                    for word in words
                ],
            )
        )
    return batches


def agrees_with_the_rules(engine: sa.Engine, seed: int) -> None:
    """Check that the tables say what the pure rules say, after any batch."""
    empty(engine)
    expected = {probe: merge.Account() for probe in PROBES}
    for now, words in history(seed, 25):
        deliver(engine, words, now)
        for probe, account in expected.items():
            world.merge_all(
                account,
                [word for word in words if word.probe.id == probe],
                now,
                TAKEOVER,
            )
            check(account, load(engine, probe), f'{probe!r} seed {seed}')


def check(expected: merge.Account, found: merge.Account, what: str) -> None:
    """Compare two accounts."""
    for name in (
        'millijoules',
        'elapsed',
        'metered',
        'heard_at',
        'overlap',
        'owner',
        'others',
    ):
        assert getattr(expected, name) == getattr(found, name), (
            f'{what}: {name} is {getattr(found, name)}, expected '
            f'{getattr(expected, name)}'
        )
    if expected.latest is not None:
        assert found.latest is not None
        assert expected.latest.time == found.latest.time, what
        assert expected.latest.watts == found.latest.watts, what


def word(
    probe: str, agent: str, incarnation: int, millijoules: int, began: float
) -> measurement.Measurement:
    """Give what a register of 1 mW says."""
    return measurement.Measurement(
        measurement.Probe(probe, 'node', probe, 'w', 'dummy', agent),
        measurement.RegisterKey(agent, f'{agent}-{incarnation}', incarnation),
        began + millijoules,
        float(millijoules),
        millijoules,
        float(millijoules),
    )


def excludes_an_agent(engine: sa.Engine) -> None:
    """Check that an agent's energy goes, and comes no more."""
    empty(engine)
    # Given a probe that passed from an honest agent to a rogue one, and one
    # that the rogue always had, in two registers,
    deliver(engine, [word('p', 'honest', 1, 100, 0.0)], 1000.0)
    deliver(
        engine,
        [word('p', 'rogue', 1, 10, 2000.0), word('q', 'rogue', 1, 20, 2000.0)],
        3000.0,
    )
    deliver(engine, [word('q', 'rogue', 2, 30, 4000.0)], 5000.0)
    assert load(engine, 'p').millijoules == 110

    # when it is excluded,
    struck = agents.exclude(engine, 'rogue', 'operator')

    # then just its energy is gone,
    assert struck == {'p': 10, 'q': 50}, struck
    assert load(engine, 'p').millijoules == 100
    assert load(engine, 'q').millijoules == 0
    # nothing that it says counts, while others are heard,
    tally = deliver(
        engine,
        [
            word('q', 'rogue', 2, 999, 4000.0),
            word('new', 'rogue', 3, 7, 6000.0),
            word('q', 'honest', 1, 40, 6000.0),
        ],
        7000.0,
    )
    assert tally.outcomes == {'excluded': 2, 'credited': 1}, tally.outcomes
    assert load(engine, 'q').millijoules == 40
    assert load(engine, 'new').latest is None
    with engine.begin() as connection:
        views = agents.list_agents(connection)
        assert [
            (view.agent, view.name, view.probes, view.excluded_at is None)
            for view in views
        ] == [('honest', 'honest', 2, True), ('rogue', 'rogue', 2, False)], (
            views
        )
        # and it begins anew when it is readmitted.
        agents.readmit(connection, 'rogue', 'operator')
    deliver(engine, [word('new', 'rogue', 4, 8, 8000.0)], 9000.0)
    assert load(engine, 'new').millijoules == 8
