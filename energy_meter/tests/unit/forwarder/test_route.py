# SPDX-License-Identifier: Apache-2.0

"""Tests of the route of a message, which may be forged."""

from oslotest import base

from energy_meter import exception
from energy_meter.forwarder import route


class RouteTest(base.BaseTestCase):
    def test_route_of_a_message_from_an_agent_is_empty(self):
        self.assertEqual((), route.read({'msg_id': None}).names)

    def test_written_route_is_read(self):
        extended = route.read({}).extend('first').extend('second')

        self.assertEqual(extended, route.read(extended.context()))

    def test_malformed_route_is_rejected(self):
        for names in (
            None,
            5,
            'first',
            {},
            [None],
            ['first', 5],
            [''],
            ['x' * 191],
            ['\n'],
            [[]],
        ):
            error = self.assertRaises(
                exception.RejectedMessage,
                route.read,
                {'energy_meter_route': names},
            )
            self.assertEqual('malformed', error.reason, names)
