# SPDX-License-Identifier: Apache-2.0

"""Collectors that are killed while probes cross midnight."""

import random
import typing

from oslotest import base
import testscenarios

from energy_meter.db import migration
from energy_meter.tests.functional import crossings
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import mariadb
from energy_meter.tests.functional.services import postgresql

PROBES = 5
#: Of the statements of a collector, each of this number is tried.
STEP = 7


class CrossingTest(testscenarios.WithScenarios, base.BaseTestCase):
    """Two days of five probes, of which one is metered by two agents."""

    scenarios: typing.ClassVar = [
        ('postgresql', {'server': postgresql.PostgreSQL}),
        ('mariadb', {'server': mariadb.MariaDB}),
    ]

    def setUp(self) -> None:
        super().setUp()
        url = services.shared(self.server).create_database()
        self.crossing = crossings.Crossing(url, PROBES)
        self.addCleanup(self.crossing.engine.dispose)
        migration.sync(self.crossing.engine)

    def test_collectors_that_are_killed_change_nothing(self):
        # Given what a collector writes that is not killed,
        self.crossing.prepare()
        points = self.crossing.collect()
        expected = self.crossing.contents()
        self.assertEqual(
            {crossings.ENERGY}, {*self.crossing.energies().values()}
        )
        generator = random.Random(1)
        killed = 0
        for point in range(points % STEP, points, STEP):
            self.crossing.prepare()

            # when it and another one are killed, and a third one goes on,
            done = self.crossing.kill(point, generator.randrange(points))
            self.crossing.finish()

            # then all tables are the same.
            self.assertEqual(expected, self.crossing.contents(), point)
            killed += done.count(False)
        # The other one may have done the work before the statement.
        self.assertGreater(killed, points // STEP)
        self.assertEqual(2 * PROBES, self.crossing.assert_agree())

    def test_two_collectors_write_what_one_does(self):
        self.crossing.prepare()
        self.crossing.collect()
        expected = self.crossing.contents()
        self.crossing.prepare()

        self.crossing.kill(None, None)
        self.crossing.finish()

        self.assertEqual(expected, self.crossing.contents())
