# SPDX-License-Identifier: Apache-2.0

"""Checks of the collector's tables against the rules for merging.

The checks run on every database: on SQLite with the unit tests, on PostgreSQL
and MariaDB with the functional tests.
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
    """Delete all rows of all tables."""
    with engine.begin() as connection:
        for table in schema.metadata.sorted_tables:
            connection.execute(table.delete())


def deliver(
    engine: sa.Engine,
    measurements: list[measurement.Measurement],
    db_now: float,
) -> store.BatchResult:
    """Write a batch in a transaction of its own."""
    clamped = [
        received._replace(timestamp=min(received.timestamp, db_now))
        for received in measurements
    ]
    with engine.begin() as connection:
        return store.write(connection, merge.newest(clamped), db_now, TAKEOVER)


def load(engine: sa.Engine, probe: str) -> merge.ProbeAccount:
    """Load the account of a probe; an empty one if there is none."""
    with engine.begin() as connection:
        return accounts.load(connection, [probe]).get(
            probe, merge.ProbeAccount()
        )


def history(
    seed: int, steps: int
) -> list[tuple[float, list[measurement.Measurement]]]:
    """Return random batches of measurements of two agents.

    :returns: the time of arrival and the measurements of each batch.
    """
    model = world.World(seed)
    batches = []
    for _ in range(steps):
        action = model.random.choice(
            [
                model.start,
                model.start,
                model.stop,
                model.kill,
                model.publish,
                model.publish,
                model.publish,
            ]
        )
        action(model.random.choice('AB'))
        model.draw(model.random.randint(1, 40), model.random.randint(0, 300))
        if model.random.random() < 0.2:
            model.lose()
        if model.random.random() < 0.2:
            model.repeat()
        measurements = model.receive()
        batches.append(
            (
                float(model.timestamp),
                [
                    received._replace(
                        probe=received.probe._replace(
                            id=model.random.choice(PROBES)
                        )
                    )
                    for received in measurements
                ],
            )
        )
    return batches


def assert_tables_agree_with_rules(engine: sa.Engine, seed: int) -> None:
    """Check that tables and rules agree after every batch."""
    empty(engine)
    accounts_by_rules = {probe: merge.ProbeAccount() for probe in PROBES}
    for db_now, measurements in history(seed, 25):
        deliver(engine, measurements, db_now)
        for probe, account in accounts_by_rules.items():
            world.merge_all(
                account,
                [
                    received
                    for received in measurements
                    if received.probe.id == probe
                ],
                db_now,
                TAKEOVER,
            )
            check(account, load(engine, probe), f'{probe!r} seed {seed}')


def check(
    expected: merge.ProbeAccount, actual: merge.ProbeAccount, label: str
) -> None:
    """Check that two accounts are equal."""
    for name in (
        'millijoules',
        'elapsed',
        'metered_seconds',
        'last_seen_at',
        'overlap',
        'owner',
        'others',
    ):
        assert getattr(expected, name) == getattr(actual, name), (
            f'{label}: {name} is {getattr(actual, name)}, expected '
            f'{getattr(expected, name)}'
        )
    if expected.latest is not None:
        assert actual.latest is not None
        assert expected.latest.timestamp == actual.latest.timestamp, label
        assert expected.latest.watts == actual.latest.watts, label


def measure(
    probe: str,
    agent: str,
    incarnation: int,
    millijoules: int,
    opened_at: float,
) -> measurement.Measurement:
    """Return the measurement of a register with a power of 1 mW."""
    return measurement.Measurement(
        measurement.Probe(probe, 'node', probe, 'w', 'dummy', agent),
        measurement.RegisterKey(agent, f'{agent}-{incarnation}', incarnation),
        opened_at + millijoules,
        float(millijoules),
        millijoules,
        float(millijoules),
    )


def assert_agent_can_be_disabled(engine: sa.Engine) -> None:
    """Check that disabling an agent removes its energy until it is enabled."""
    empty(engine)
    # Given a probe that moved from an honest agent to a rogue one, and another
    # one that the rogue agent metered in two registers,
    deliver(engine, [measure('p', 'honest', 1, 100, 0.0)], 1000.0)
    deliver(
        engine,
        [
            measure('p', 'rogue', 1, 10, 2000.0),
            measure('q', 'rogue', 1, 20, 2000.0),
        ],
        3000.0,
    )
    deliver(engine, [measure('q', 'rogue', 2, 30, 4000.0)], 5000.0)
    assert load(engine, 'p').millijoules == 110

    # when the rogue agent is disabled,
    removed = agents.disable(engine, 'rogue', 'operator')

    # then only its energy is removed,
    assert removed == {'p': 10, 'q': 50}, removed
    assert load(engine, 'p').millijoules == 100
    assert load(engine, 'q').millijoules == 0
    # only its later measurements are rejected,
    result = deliver(
        engine,
        [
            measure('q', 'rogue', 2, 999, 4000.0),
            measure('new', 'rogue', 3, 7, 6000.0),
            measure('q', 'honest', 1, 40, 6000.0),
        ],
        7000.0,
    )
    assert result.outcomes == {'agent_disabled': 2, 'billed': 1}, (
        result.outcomes
    )
    assert load(engine, 'q').millijoules == 40
    assert load(engine, 'new').latest is None
    with engine.begin() as connection:
        views = agents.list_agents(connection)
        assert [
            (view.agent, view.name, view.probes, view.disabled_at is None)
            for view in views
        ] == [('honest', 'honest', 2, True), ('rogue', 'rogue', 2, False)], (
            views
        )
        # and its new registers are billed after it is enabled again.
        agents.enable(connection, 'rogue', 'operator')
    deliver(engine, [measure('new', 'rogue', 4, 8, 8000.0)], 9000.0)
    assert load(engine, 'new').millijoules == 8
