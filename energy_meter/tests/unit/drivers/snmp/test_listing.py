# SPDX-License-Identifier: Apache-2.0


"""Tests of when the channels of a device are listed."""

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.snmp import listing
from energy_meter.drivers.snmp import profile
from energy_meter.drivers.snmp import restarts
from energy_meter.tests.unit.drivers.snmp import agent

NAME, WATTS = (1, 9, 1), (1, 9, 2)

TABLE = profile.Table(
    'outlet',
    1,
    1,
    {'name': profile.Column(NAME), 'watts': profile.Column(WATTS)},
)


class ListingTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.clock = 0.0
        self.useFixture(
            fixtures.MockPatchObject(
                listing.time, 'monotonic', lambda: self.clock
            )
        )
        self.device = agent.Agent(
            {
                (*NAME, 1): 'srv-1',
                (*NAME, 2): 'srv-2',
                (*WATTS, 1): 101,
                (*WATTS, 2): 102,
                restarts.UPTIME: 5000,
            }
        )

    def list(self, *names):
        """Return a listing with a probe of each name."""
        return listing.Listing(agent.connect(self.device), TABLE, names, names)

    def requests(self, listed, clock):
        """Read at a time and return the number of requests."""
        self.clock = clock
        self.device.objects[restarts.UPTIME] = 5000 + int(100 * clock)
        self.device.requests.clear()
        listed.read()
        return len(self.device.requests)

    def test_channels_are_listed_every_five_minutes(self):
        listed = self.list('srv-1', 'srv-2')

        self.assertEqual(
            [1, 1, 3, 1],
            [self.requests(listed, clock) for clock in (10, 299, 300, 599)],
        )

    def test_channels_are_listed_every_minute_if_one_is_missing(self):
        listed = self.list('srv-1', 'srv-3')

        self.assertEqual(
            [1, 3, 1],
            [self.requests(listed, clock) for clock in (59, 60, 119)],
        )

    def test_device_without_uptime_is_read(self):
        del self.device.objects[restarts.UPTIME]
        listed = self.list('srv-1', 'srv-2')

        for self.clock in (10.0, 20.0):
            self.assertEqual(
                [101.0, 102.0], [each.watts for each in listed.read()]
            )

    def test_device_that_restarts_all_the_time_raises(self):
        listed = self.list('srv-1')
        uptimes = iter(range(4000, 0, -100))

        class Restarting(agent.Agent):
            def request(self, *args):
                self.objects[restarts.UPTIME] = next(uptimes)
                return super().request(*args)

        listed._session._connection = Restarting(self.device.objects)

        error = self.assertRaises(exception.ProtocolError, listed.read)

        self.assertIn('restarted again', str(error))
