# SPDX-License-Identifier: Apache-2.0

"""Tests for the energy of instances, projects and hosts."""

from unittest import mock

from energy_meter.api import attribution_documents
from energy_meter.db import engine as db_engine
from energy_meter.tests import usages
from energy_meter.tests.unit.api import base
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.db import hosts

KWH = 3_600_000_000
DAY_1 = 'start=2023-11-15T00:00:00Z&end=2023-11-16T00:00:00Z'
BOTH = 'start=2023-11-15T00:00:00Z&end=2023-11-17T00:00:00Z'
#: The instances of the host, of two projects.
FIRST, SECOND = map(usages.uuid, (1, 2))


class AttributedTestCase(base.APITestCase):
    """A host on which one instance runs, and a second one for half a day.

    The first day is closed, the second is not.
    """

    def setUp(self) -> None:
        super().setUp()
        self.host = hosts.Host(
            self.engine,
            guests=[
                hosts.Guest(1, 1.0),
                hosts.Guest(2, 2.0, end=hosts.START + 12 * hosts.HOUR_MS),
            ],
        )
        now = hosts.START + 30 * hosts.HOUR_MS
        self.host.meter(hosts.START, now)
        closings.close(self.engine, now)
        hosts.attribute(self.engine)
        self.useFixture_now(now)

    def useFixture_now(self, now: int) -> None:
        patch = mock.patch.object(db_engine, 'now', return_value=now)
        patch.start()
        self.addCleanup(patch.stop)


class InstancesTest(AttributedTestCase):
    def test_energy_of_an_instance_is_shown(self):
        url = f'/v1/instances/{SECOND}/energy?{DAY_1}'

        document = self.get(url).json

        # 20 W of computing, and half of the reserved idle power.
        row = document['total']
        self.assertEqual([], document)
