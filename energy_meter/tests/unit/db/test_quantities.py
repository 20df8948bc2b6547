# SPDX-License-Identifier: Apache-2.0

"""CPU time is not shown as energy."""

from energy_meter import exception
from energy_meter.db import probes
from energy_meter.db import projects
from energy_meter.db import schema
from energy_meter.db import states
from energy_meter.db import subjects
from energy_meter.db import sums
from energy_meter.tests import rows
from energy_meter.tests.unit.db import base as db_base

TTL = 300.0


class CpuTimeTest(db_base.DatabaseTest):
    """Probe ``energy`` has a neighbor of CPU time, ``cpu``."""

    def setUp(self) -> None:
        super().setUp()
        rows.insert(self.engine, 'energy', 'cpu')
        self.update(schema.probe, 'cpu', quantity=schema.Quantity.CPU_TIME)

    def update(self, table, probe, **values):
        column = table.c.id if table is schema.probe else table.c.probe
        with self.engine.begin() as connection:
            connection.execute(
                table.update().where(column == probe).values(values)
            )

    def test_it_is_not_listed(self):
        for tip in (True, False):
            if not tip:
                # Of several agents, none is the tip.
                self.update(schema.probe, 'cpu', tip=None)
                self.update(schema.probe, 'energy', tip=None)
            with self.engine.connect() as connection:
                self.assertEqual(['energy'], states.list_ids(connection, TTL))
                self.assertEqual(
                    ['energy'],
                    [each.id for each in states.list_states(connection, TTL)],
                )
                self.assertIsNone(states.get_state(connection, 'cpu', TTL))
                self.assertEqual(
                    ['cpu', 'energy'], probes.list_updated(connection, TTL)
                )

    def test_its_updates_do_not_change_the_fingerprint(self):
        with self.engine.connect() as connection:
            before = probes.fingerprint(connection, TTL)

        self.update(schema.register, 'cpu', millijoules=1, elapsed=10**7)
        self.update(schema.probe, 'cpu', settled_at=1)

        with self.engine.connect() as connection:
            self.assertEqual(before, probes.fingerprint(connection, TTL))

    def test_it_has_no_energy_by_date(self):
        with self.engine.begin() as connection:
            found = subjects.listing(connection, subjects.Filter(), 0, 1)
            self.assertEqual(['energy'], [each.id for each in found])
            self.assertRaises(
                exception.ProbeNotFound, subjects.get, connection, 'cpu'
            )

    def test_it_is_neither_billed_nor_added(self):
        # Given a project and a sum that name it beside the probe of energy,
        with self.engine.begin() as connection:
            projects.configure(connection, {'energy': 'x', 'cpu': 'x'})
            sums.configure(
                connection,
                [sums.Sum('sum', 'host', frozenset({'energy', 'cpu'}))],
            )

        # then only that one has members.
        with self.engine.connect() as connection:
            members = subjects.listing(
                connection, subjects.Filter(project='x'), 0, subjects.END
            )
            self.assertEqual(['energy'], [each.id for each in members])
            whole = subjects.get(connection, 'sum')
            self.assertEqual(['energy'], [each.probe for each in whole.spans])
            state = sums.get_state(connection, 'sum', TTL)
            self.assertEqual(('energy',), state.parts)
