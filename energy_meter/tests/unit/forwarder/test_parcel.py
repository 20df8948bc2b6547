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

"""Few messages for a long link, but none too large."""

import fixtures
from oslotest import base

from energy_meter.forwarder import parcel
from energy_meter.forwarder import route

DIRECT = route.Route(())
ROUND = route.Route(('other',))


def sealed(number, size=1):
    return {'number': number, 'body': 'x' * size}


class ParcelTest(base.BaseTestCase):
    def test_envelopes_that_came_the_same_way_go_together(self):
        self.assertEqual(
            [(DIRECT, [sealed(1), sealed(3)]), (ROUND, [sealed(2)])],
            parcel.pack(
                [(DIRECT, sealed(1)), (ROUND, sealed(2)), (DIRECT, sealed(3))]
            ),
        )

    def test_a_full_parcel_is_followed_by_another(self):
        self.useFixture(
            fixtures.MonkeyPatch('energy_meter.forwarder.parcel.LIMIT', 10)
        )

        parcels = parcel.pack(
            (DIRECT, sealed(number, size=5)) for number in range(5)
        )

        self.assertEqual(
            [[0, 1], [2, 3], [4]],
            [
                [item['number'] for item in found.envelopes]
                for found in parcels
            ],
        )

    def test_nothing_makes_no_parcel(self):
        self.assertEqual([], parcel.pack([]))
