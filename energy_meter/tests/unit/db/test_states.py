# SPDX-License-Identifier: Apache-2.0

"""States of probes and sums, of which some have the same name."""

from energy_meter.db import projects
from energy_meter.db import schema
from energy_meter.db import states
from energy_meter.db import subjects
from energy_meter.db import sums
from energy_meter.tests import rows
from energy_meter.tests.unit.db import base as db_base

TTL = 300.0


class HiddenProbeTest(db_base.DatabaseTest):
    """A probe ``sum`` existed before the sum of a and b was configured."""

    def setUp(self) -> None:
        super().setUp()
        for probe, watts in (('sum', 1000.0), ('a', 2.0), ('b', 3.0)):
            rows.insert(self.engine, probe, watts=watts, scope='other')
        with self.engine.begin() as connection:
            sums.configure(
                connection, [sums.Sum('sum', 'host', frozenset({'a', 'b'}))]
            )

    def watts(self) -> dict[str, float | None]:
        with self.engine.connect() as connection:
            listed = list(states.list_states(connection, TTL))
            names = states.list_ids(connection, TTL)
            found = [states.get_state(connection, each, TTL) for each in names]
        self.assertEqual(sorted(listed), found)
        return {state.id: state.watts for state in listed}

    def stop(self, *probes: str) -> None:
        table = schema.register
        with self.engine.begin() as connection:
            connection.execute(
                table.update()
                .where(table.c.probe.in_(probes))
                .values(last_seen_at=0)
            )

    def test_sum_is_shown(self):
        self.assertEqual({'sum': 5.0, 'a': 2.0, 'b': 3.0}, self.watts())

    def test_probe_is_hidden_while_the_sum_is_stale(self):
        self.stop('a', 'b')

        self.assertEqual({}, self.watts())
        with self.engine.connect() as connection:
            self.assertIsNone(states.get_state(connection, 'sum', TTL))

    def test_probe_is_shown_again_without_the_sum(self):
        with self.engine.begin() as connection:
            sums.configure(connection, [])

        self.assertEqual({'sum': 1000.0, 'a': 2.0, 'b': 3.0}, self.watts())

    def test_energy_by_date_is_that_of_the_sum(self):
        with self.engine.connect() as connection:
            subject = subjects.get(connection, 'sum')

        self.assertEqual('host', subject.host)
        self.assertEqual(['a', 'b'], [span.probe for span in subject.spans])

    def test_project_of_the_sum_does_not_pay_for_the_probe(self):
        with self.engine.begin() as connection:
            projects.configure(connection, {'sum': 'project'})
        # The sum is not of the scope of the probe, but hides it.
        for scope, expected in ((None, [{'a', 'b'}]), ('other', [])):
            chosen = subjects.Filter(scope=scope, project='project')
            with self.engine.connect() as connection:
                listed = subjects.listing(connection, chosen, 0, subjects.END)

            self.assertEqual(
                expected,
                [{span.probe for span in each.spans} for each in listed],
            )
