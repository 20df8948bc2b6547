# SPDX-License-Identifier: Apache-2.0

"""Which project pays for which probe."""

import itertools
from unittest import mock

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import probes
from energy_meter.db import projects
from energy_meter.db import schema
from energy_meter.db import sums
from energy_meter.tests import rows
from energy_meter.tests.unit.db import base as db_base

TTL = 300.0


class ProjectsTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        rows.insert(self.engine, 'a', 'b')

    def configure(self, at: float = 1.0, **wanted: str) -> None:
        with (
            mock.patch.object(db_engine, 'now', return_value=at),
            self.engine.begin() as connection,
        ):
            projects.configure(connection, wanted)

    def shown(self) -> dict[str, str | None]:
        with self.engine.connect() as connection:
            return {
                state.id: state.project_id
                for listing in (probes, sums)
                for state in listing.list_states(connection, TTL)
            }

    def since(self) -> dict[str, float]:
        table = schema.probe_project
        with self.engine.connect() as connection:
            return {
                row.probe: row.since
                for row in connection.execute(sa.select(table))
            }

    def fingerprint(self) -> object:
        with self.engine.connect() as connection:
            return projects.fingerprint(connection)

    def test_nobody_pays_unless_told(self):
        self.assertEqual({'a': None, 'b': None}, self.shown())

    def test_projects_pay_for_probes(self):
        self.configure(a='p1')

        self.assertEqual({'a': 'p1', 'b': None}, self.shown())
        with self.engine.connect() as connection:
            self.assertEqual(
                'p1', probes.get_state(connection, 'a', TTL).project_id
            )

    def test_projects_pay_for_sums(self):
        with self.engine.begin() as connection:
            sums.configure(
                connection, [sums.Sum('node', 'node', frozenset({'a', 'b'}))]
            )

        self.configure(node='p1')

        self.assertEqual({'a': None, 'b': None, 'node': 'p1'}, self.shown())

    def test_probe_passes_to_another_project_and_to_none(self):
        self.configure(a='p1', b='p1')

        self.configure(a='p2')

        self.assertEqual({'a': 'p2', 'b': None}, self.shown())

    def test_probe_that_is_not_metered_yet_may_have_a_project(self):
        self.configure(c='p1')
        rows.insert(self.engine, 'c')

        self.assertEqual('p1', self.shown()['c'])

    def test_it_is_known_since_when_a_project_pays(self):
        self.configure(1.0, a='p1', b='p1')

        self.configure(2.0, a='p1', b='p2')

        self.assertEqual({'a': 1.0, 'b': 2.0}, self.since())

    def test_changes_are_told_by_the_fingerprint(self):
        seen = [self.fingerprint()]
        for at, wanted in enumerate(
            ({'a': 'p1'}, {'a': 'p2'}, {'b': 'p2'}, {}), 1
        ):
            self.configure(float(at), **wanted)
            seen.append(self.fingerprint())

        for before, after in itertools.pairwise(seen):
            self.assertNotEqual(before, after)
