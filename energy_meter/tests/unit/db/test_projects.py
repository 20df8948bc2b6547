# SPDX-License-Identifier: Apache-2.0

"""Projects that are billed for probes."""

import itertools
from unittest import mock

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import memberships
from energy_meter.db import probes
from energy_meter.db import projects
from energy_meter.db import schema
from energy_meter.db import sums
from energy_meter.tests import rows
from energy_meter.tests.unit.db import base as db_base

TTL = 300.0
QUARTER_MS = 900_000


class ProjectsTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        rows.insert(self.engine, 'a', 'b')

    def configure(self, db_now: int = 1, **configured: str) -> None:
        with (
            mock.patch.object(db_engine, 'now', return_value=db_now),
            self.engine.begin() as connection,
        ):
            projects.configure(connection, configured)

    def project_ids(self) -> dict[str, str | None]:
        with self.engine.connect() as connection:
            return {
                state.id: state.project_id
                for listing in (probes, sums)
                for state in listing.list_states(connection, TTL)
            }

    def spans(self) -> list[tuple[str, str, int, int | None]]:
        """Return probe, project, since and until, in quarter-hours."""
        table = schema.membership
        with self.engine.connect() as connection:
            return [
                (
                    row.member,
                    row.whole,
                    row.since // QUARTER_MS,
                    row.until and row.until // QUARTER_MS,
                )
                for row in connection.execute(
                    sa.select(table).order_by(
                        table.c.member, table.c.since, table.c.whole
                    )
                )
            ]

    def fingerprint(self) -> object:
        with self.engine.connect() as connection:
            return memberships.fingerprint(connection)

    def test_probes_have_no_project_by_default(self):
        self.assertEqual({'a': None, 'b': None}, self.project_ids())

    def test_project_of_a_probe_is_shown(self):
        self.configure(a='p1')

        self.assertEqual({'a': 'p1', 'b': None}, self.project_ids())
        with self.engine.connect() as connection:
            self.assertEqual(
                'p1', probes.get_state(connection, 'a', TTL).project_id
            )

    def test_project_of_a_sum_is_shown(self):
        with self.engine.begin() as connection:
            sums.configure(
                connection, [sums.Sum('node', 'node', frozenset({'a', 'b'}))]
            )

        self.configure(node='p1')

        self.assertEqual(
            {'a': None, 'b': None, 'node': 'p1'}, self.project_ids()
        )

    def test_project_of_a_probe_can_change_or_be_removed(self):
        self.configure(a='p1', b='p1')

        self.configure(a='p2')

        self.assertEqual({'a': 'p2', 'b': None}, self.project_ids())

    def test_probe_that_is_not_metered_yet_can_have_a_project(self):
        self.configure(c='p1')
        rows.insert(self.engine, 'c')

        self.assertEqual('p1', self.project_ids()['c'])

    def test_change_takes_effect_at_the_next_quarter_hour(self):
        self.configure(1, a='p1', b='p1')

        self.configure(QUARTER_MS + 1, a='p1', b='p2')

        self.assertEqual(
            [('a', 'p1', 1, None), ('b', 'p1', 1, 2), ('b', 'p2', 2, None)],
            self.spans(),
        )

    def test_change_on_a_quarter_hour_takes_effect_at_once(self):
        self.configure(QUARTER_MS, a='p1')

        self.assertEqual([('a', 'p1', 1, None)], self.spans())

    def test_spans_of_one_probe_never_overlap(self):
        self.configure(1, a='p1')
        self.configure(2, a='p2')
        self.configure(3, a='p1')
        self.configure(QUARTER_MS + 1, a='p2')

        self.assertEqual(
            [('a', 'p1', 1, 2), ('a', 'p2', 1, 1), ('a', 'p2', 2, None)],
            self.spans(),
        )

    def test_fingerprint_changes_with_each_project(self):
        fingerprints = [self.fingerprint()]
        for quarter, configured in enumerate(
            ({'a': 'p1'}, {'a': 'p2'}, {'b': 'p2'}, {}), 1
        ):
            self.configure(quarter * QUARTER_MS, **configured)
            fingerprints.append(self.fingerprint())

        for before, after in itertools.pairwise(fingerprints):
            self.assertNotEqual(before, after)
