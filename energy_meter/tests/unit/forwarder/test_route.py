# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
