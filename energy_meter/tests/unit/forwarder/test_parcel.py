# SPDX-License-Identifier: Apache-2.0

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
