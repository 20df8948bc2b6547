# SPDX-License-Identifier: Apache-2.0

"""The way of a message, which anybody may have written on it."""

from oslotest import base

from energy_meter import exception
from energy_meter.forwarder import route


class RouteTest(base.BaseTestCase):
    def test_a_message_of_an_agent_has_passed_no_forwarder(self):
        self.assertEqual((), route.read({'msg_id': None}).names)

    def test_what_is_written_is_read(self):
        way = route.read({}).extend('first').extend('second')

        self.assertEqual(way, route.read(way.context()))

    def test_what_no_forwarder_wrote_is_rejected(self):
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
            self.assertEqual('malformed', error.cause, names)
