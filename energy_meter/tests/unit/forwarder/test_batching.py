# SPDX-License-Identifier: Apache-2.0

"""Tests of how envelopes are combined into messages."""

from oslotest import base

from energy_meter.forwarder import batching
from energy_meter.forwarder import route

DIRECT = route.Route(())
FORWARDED = route.Route(('other',))


def envelope(number, length=1):
    return {'number': number, 'agent_name': '', 'body': 'x' * length}


class GroupByRouteTest(base.BaseTestCase):
    def test_envelopes_with_the_same_route_form_a_batch(self):
        self.assertEqual(
            [(DIRECT, [envelope(1), envelope(3)]), (FORWARDED, [envelope(2)])],
            batching.group_by_route(
                [
                    (DIRECT, envelope(1)),
                    (FORWARDED, envelope(2)),
                    (DIRECT, envelope(3)),
                ]
            ),
        )

    def test_full_batch_is_followed_by_another(self):
        batches = batching.group_by_route(
            (DIRECT, envelope(number, length=400_000)) for number in range(5)
        )

        self.assertEqual(
            [[0, 1], [2, 3], [4]],
            [
                [content['number'] for content in batch.envelopes]
                for batch in batches
            ],
        )

    def test_no_envelopes_form_no_batch(self):
        self.assertEqual([], batching.group_by_route([]))
