# SPDX-License-Identifier: Apache-2.0

"""Energy of instances, projects and hosts in rows and in all."""

import itertools
from unittest import mock

from energy_meter import exception
from energy_meter.db import attributed_days
from energy_meter.db import energies
from energy_meter.db import engine as db_engine
from energy_meter.db import host_days
from energy_meter.db import instance_days
from energy_meter.db import instances
from energy_meter.db import open_days
from energy_meter.tests import attributed
from energy_meter.tests import usages
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.db import base as db_base
from energy_meter.tests.unit.db import hosts

START, HOUR_MS, DAY_MS = hosts.START, hosts.HOUR_MS, hosts.DAY_MS
NOW = START + 54 * HOUR_MS
#: Energy of an hour of instance 1, and of instance 2, in mJ.
FIRST, SECOND = (
    HOUR_MS * (cpu_watts + 100 * 10 / 64) for cpu_watts in (10, 20)
)


class _TestCase(db_base.DatabaseTest):
    def read(
        self, *edges: int, limit: int = 10, as_of: int | None = None, **chosen
    ) -> list[instances.Answer]:
        """Return the energy between dates."""
        conditions = instance_days.Filter(**chosen)
        period = energies.Period(edges[0], edges[-1], edges, as_of)
        days = range(edges[0] // DAY_MS, (edges[-1] - 1) // DAY_MS + 1)
        with (
            mock.patch.object(db_engine, 'now', return_value=NOW),
            db_engine.snapshot(self.engine) as connection,
        ):
            unclosed = open_days.load(
                connection, days, hosts.RULES, conditions
            )
            answers, self.has_more = instances.read(
                connection, conditions, period, unclosed, limit
            )
        return answers


class InstancesTest(_TestCase):
    """Instance 1 moves from host a to host b after a day.

    Two days are closed, and six hours of the third one are known.
    """

    def setUp(self) -> None:
        super().setUp()
        moved = START + DAY_MS
        for name, guests in (
            ('a', [hosts.Guest(1, end=moved), hosts.Guest(2, 2.0)]),
            ('b', [hosts.Guest(1, start=moved)]),
        ):
            host = hosts.Host(self.engine, name, guests)
            host.meter(START, NOW, step=6 * HOUR_MS)
        closings.close(self.engine, NOW)
        for day in hosts.DAY, hosts.DAY + 1:
            hosts.attribute(self.engine, day)

    def test_instance_that_moves_has_its_energy_of_both_hosts(self):
        first, second = self.read(START, START + DAY_MS, START + 2 * DAY_MS)

        self.assertEqual(['a', 'b'], first.hosts)
        self.assertEqual(['a'], second.hosts)
        self.assertEqual('vm-1', first.identity.name)
        self.assertEqual(48 * FIRST, first.total.part.millijoules)
        self.assertEqual(
            [24 * SECOND, 24 * SECOND],
            [row.part.millijoules for row in second.rows],
        )

    def test_rows_that_divide_days_add_up_to_the_total(self):
        edges = range(START + HOUR_MS, NOW + 1, HOUR_MS // 2)

        first, second = self.read(*edges)

        for answer, hour in ((first, FIRST), (second, SECOND)):
            energy = [row.part.millijoules for row in answer.rows]
            self.assertEqual([hour / 2] * 106, energy)
            self.assertEqual(53 * hour, answer.total.part.millijoules)
        states = [row.is_closed for row in first.rows]
        self.assertEqual([True] * 94 + [False] * 12, states)

    def test_projects_have_the_energy_of_their_instances(self):
        zero, one = self.read(START, NOW, is_by_project=True)

        self.assertEqual(('project-0', 'project-1'), (zero.id, one.id))
        self.assertEqual({usages.uuid(1)}, one.instances)
        self.assertEqual('team-1', one.project_name)
        self.assertEqual(54 * FIRST, one.total.part.millijoules)
        self.assertEqual(54 * SECOND, zero.total.part.millijoules)

    def test_list_is_divided(self):
        names = []
        after = ''
        while True:
            [answer] = self.read(START, NOW, after=after, limit=1)
            names.append(answer.id)
            after = answer.id
            if not self.has_more:
                break

        self.assertEqual([usages.uuid(1), usages.uuid(2)], names)

    def test_conditions_limit_what_is_read(self):
        for conditions, expected in (
            ({'host': 'b'}, [1]),
            ({'project': 'project-0'}, [2]),
            ({'instance': usages.uuid(1)}, [1]),
            ({'instance': usages.uuid(1), 'project': 'project-0'}, []),
        ):
            found = self.read(START, NOW, **conditions)
            self.assertEqual(
                [usages.uuid(number) for number in expected],
                [answer.id for answer in found],
            )

    def test_day_that_was_not_closed_by_as_of_is_an_error(self):
        later = 2**50
        self.read(START, START + DAY_MS, as_of=later)

        for edges, as_of in (
            ((START, START + DAY_MS), START),
            ((START, NOW), later),
        ):
            self.assertRaises(
                exception.DayNotAttributed, self.read, *edges, as_of=as_of
            )

    def test_rows_of_a_host_add_up_to_its_energy(self):
        edges = range(START, START + 2 * DAY_MS + 1, 3 * HOUR_MS)
        period = energies.Period(edges[0], edges[-1], edges)
        with db_engine.snapshot(self.engine) as connection:
            answer = host_days.read(connection, 'a', period, ())

        self.assertEqual(
            2 * DAY_MS * 100 + 10 * DAY_MS * (2 * 2.5 + 1),
            answer.total.millijoules,
        )
        for row in (*answer.rows, answer.total):
            self.assertEqual(
                row.millijoules,
                row.instances
                + row.overhead
                + row.unallocated
                + row.unattributed,
            )
        for number, row in enumerate(answer.rows):
            self.assertEqual(
                row.instances,
                sum(each.rows[number].millijoules for each in answer.members),
            )


class LongPeriodTest(_TestCase):
    def test_days_in_parts_and_whole_days_are_all_read(self):
        # More days in parts than are read at a time, and power that differs.
        watts = range(10, 30)
        identity = attributed_days.Identity('vm', 'project', '', 'user')
        with self.engine.begin() as connection:
            attributed_days.insert(
                connection,
                [
                    attributed.day(
                        hosts.DAY + number,
                        'a',
                        {
                            usages.uuid(1): (
                                identity,
                                lambda _, power=power: power,
                            )
                        },
                    )
                    for number, power in enumerate(watts)
                ],
            )
        halves = [*range(0, 24, 1), *range(24, 36, 2), *range(36, 41)]
        edges = [START + half * DAY_MS // 2 for half in halves]

        [answer] = self.read(*edges)

        expected = [
            sum(watts[half // 2] for half in range(*pair)) * DAY_MS // 2
            for pair in itertools.pairwise(halves)
        ]
        found = [row.part.millijoules for row in answer.rows]
        self.assertEqual(expected, found)
        self.assertEqual(sum(expected), answer.total.part.millijoules)


class RenamedProjectTest(_TestCase):
    """A project is renamed between two closed days.

    On the second day it has a new instance, and the old one has the metadata
    of before.
    """

    def setUp(self) -> None:
        super().setUp()
        old, new = (
            attributed_days.Identity('vm', 'project', name, 'user')
            for name in ('z-old', 'new')
        )
        first, second = map(usages.uuid, (1, 2))
        days = [{first: old}, {first: old, second: new}]
        with db_engine.writing(self.engine) as connection:
            attributed_days.insert(
                connection,
                [
                    attributed.day(
                        hosts.DAY + number,
                        'a',
                        {
                            uuid: (identity, lambda _: 1.0)
                            for uuid, identity in identities.items()
                        },
                    )
                    for number, identities in enumerate(days)
                ],
            )

    def names(self, *edges: int, **chosen) -> list[str]:
        """Return the names of the projects that are found."""
        return [each.project_name for each in self.read(*edges, **chosen)]

    def test_name_that_appeared_last_is_that_of_the_project(self):
        edges = START, START + 2 * DAY_MS

        self.assertEqual(['new'], self.names(*edges, is_by_project=True))

    def test_closed_day_keeps_the_name_that_it_had(self):
        edges = START, START + DAY_MS

        self.assertEqual(['z-old'], self.names(*edges, is_by_project=True))

    def test_instances_have_the_name_of_their_metadata(self):
        edges = START, START + 2 * DAY_MS

        self.assertEqual(['z-old', 'new'], self.names(*edges))

    def test_unknown_name_is_not_the_latest(self):
        identity = attributed_days.Identity('vm', 'project', '', 'user')
        with db_engine.writing(self.engine) as connection:
            attributed_days.insert(
                connection,
                [
                    attributed.day(
                        hosts.DAY + 2,
                        'b',
                        {usages.uuid(3): (identity, lambda _: 1.0)},
                    )
                ],
            )
        edges = START, START + 3 * DAY_MS

        self.assertEqual(['new'], self.names(*edges, is_by_project=True))


class OpenDayTest(_TestCase):
    def test_name_of_a_project_is_known_before_its_day_is_closed(self):
        host = hosts.Host(self.engine, guests=[hosts.Guest(1)])
        host.meter(START, START + HOUR_MS)

        [answer] = self.read(START, START + HOUR_MS, is_by_project=True)

        self.assertFalse(answer.total.is_closed)
        self.assertEqual('team-1', answer.project_name)
