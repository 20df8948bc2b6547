# SPDX-License-Identifier: Apache-2.0

"""Tests for the document of all probes that is kept."""

import hypothesis
from hypothesis import strategies
from oslotest import base as test_base
import sqlalchemy as sa

from energy_meter.api import listing
from energy_meter.db import data_version
from energy_meter.db import probes
from energy_meter.db import projects
from energy_meter.db import schema
from energy_meter.db import sums
from energy_meter.tests import rows
from energy_meter.tests.unit.api import base

NAMES = 'abc'
SUM = sums.Sum('s', 'host', frozenset('ab'))


def state(
    name: tuple[object, ...] | None = ('1', 'server'),
    expires_at: int | None = 2000,
) -> listing.State:
    """Return a state that was read at 1000 ms."""
    return listing.State(
        data_version.DataVersion(name, 1000),
        probes.Fingerprint((), expires_at),
        (),
    )


class StateTest(test_base.BaseTestCase):
    def holds(self, of: listing.State, db_now: int, name: str = '1') -> bool:
        return of.holds(data_version.DataVersion((name, 'server'), db_now))

    def test_unchanged_state_holds_until_a_probe_expires(self):
        self.assertTrue(self.holds(state(), 1000))
        self.assertTrue(self.holds(state(), 1999))
        self.assertFalse(self.holds(state(), 2000))

    def test_state_without_probes_holds_forever(self):
        self.assertTrue(self.holds(state(expires_at=None), 2**60))

    def test_changed_state_does_not_hold(self):
        self.assertFalse(self.holds(state(), 1000, '2'))

    def test_state_does_not_hold_before_it_was_read(self):
        # The clock was set back, and a probe that had expired may be back.
        self.assertFalse(self.holds(state(), 999))

    def test_state_of_a_database_without_versions_never_holds(self):
        unknown = state(name=None)

        self.assertFalse(unknown.holds(unknown.version))


class ListingTest(base.APITestCase):
    def setUp(self):
        super().setUp()
        self.insert('a')
        self.listing = listing.Listing(300.0)
        self.reader = sa.create_engine(self.engine.url)
        self.addCleanup(self.reader.dispose)

    def read(self) -> tuple[object, bytes]:
        with self.reader.connect() as connection:
            found = self.listing.state(connection)
            return found, self.listing.document(connection, found)

    def test_unchanged_document_is_not_read_again(self):
        _, first = self.read()
        kept, second = self.read()

        self.assertIs(first, second)
        self.assertIs(kept, self.read()[0])

    def test_changed_document_is_read_again(self):
        self.read()

        self.insert('b')

        self.assertIn(b'"b":', self.read()[1])


def update(connection: sa.Connection, name: str) -> None:
    """Advance the register of a probe."""
    table = schema.register
    connection.execute(
        table.update()
        .where(table.c.probe == name)
        .values(elapsed=table.c.elapsed + 1000, watts=table.c.watts + 1)
    )


def expire(connection: sa.Connection, name: str) -> None:
    """Make a probe expire, or return."""
    table = schema.register
    connection.execute(
        table.update()
        .where(table.c.probe == name)
        .values(last_seen_at=2 * rows.now() - 301_000 - table.c.last_seen_at)
    )


def correct(connection: sa.Connection, name: str) -> None:
    """Settle a probe."""
    table = schema.probe
    connection.execute(
        table.update()
        .where(table.c.id == name)
        .values(
            base_millijoules=table.c.base_millijoules + 3_600_000,
            settled_at=table.c.settled_at + 1,
        )
    )


def assign(connection: sa.Connection, name: str) -> None:
    """Assign a probe to the project that others leave."""
    projects.configure(connection, {name: 'project'})


def add(connection: sa.Connection, name: str) -> None:
    """Configure a sum."""
    sums.configure(connection, [SUM])


def nothing(connection: sa.Connection, name: str) -> None:
    """Commit a transaction that changes no probe."""
    connection.execute(
        schema.audit.insert().values(created_at=0, username='', action='')
    )


class FreshnessTest(base.APITestCase):
    @hypothesis.settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from(
                    [update, expire, correct, assign, add, nothing]
                ),
                strategies.sampled_from(NAMES),
            ),
            min_size=1,
            max_size=6,
        )
    )
    # Both probes have the same energy, and each a span that has ended.
    @hypothesis.example([(assign, 'a'), (assign, 'b'), (assign, 'a')])
    def test_response_is_that_of_a_new_process(self, changes):
        with self.engine.begin() as connection:
            for table in schema.metadata.sorted_tables:
                connection.execute(table.delete())
        self.insert(*NAMES)
        known = self.get('/v1/probes')
        for change, name in changes:
            with self.engine.begin() as connection:
                change(connection, name)

            expected = self.render()
            headers = {'If-None-Match': known.headers['ETag']}
            response = self.api.get('/v1/probes', headers=headers)

            if response.status_code == 304:
                self.assertEqual(expected, known.body)
            else:
                self.assertEqual(expected, response.body)
                known = response

    def render(self) -> bytes:
        """Return the document without anything that was kept."""
        new = listing.Listing(300.0)
        with self.engine.connect() as connection:
            return new.document(connection, new.state(connection))
