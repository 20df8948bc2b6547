# SPDX-License-Identifier: Apache-2.0

"""Tests of the resources of one reading."""

import itertools

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.redfish import service
from energy_meter.tests.unit.drivers.redfish import resources

NEXT = 'Members@odata.nextLink'


def page(names, following=None):
    members = [{'@odata.id': name} for name in names]
    return {'Members': members} | (
        {} if following is None else {NEXT: following}
    )


def timeout():
    return exception.DeviceUnreachable(device='bmc', reason='timed out')


class MembersTest(base.BaseTestCase):
    @hypothesis.given(
        strategies.lists(
            strategies.lists(strategies.text(max_size=3), max_size=5),
            min_size=1,
            max_size=9,
        )
    )
    def test_members_of_all_pages_are_found_once_and_in_order(self, pages):
        controller = resources.serve(
            **{
                str(n): page(
                    names, f'/{n + 1}' if n + 1 < len(pages) else None
                )
                for n, names in enumerate(pages)
            }
        )

        self.assertEqual(
            list(itertools.chain(*pages)), controller.members('/0')
        )

    def test_pages_without_an_end_are_an_error(self):
        for following in ('/a', '/b'):
            controller = resources.serve(
                a=page(['x'], '/b'), b=page(['y'], following)
            )

            e = self.assertRaises(
                exception.ProtocolError, controller.members, '/a'
            )

            self.assertIn('/a has more than 128 pages', str(e))

    def test_number_of_pages_is_bounded(self):
        pages = {
            str(n): page(['x'], f'/{n + 1}')
            for n in range(bounds.MAX_PAGES - 1)
        }
        last = str(bounds.MAX_PAGES - 1)

        self.assertEqual(
            bounds.MAX_PAGES,
            len(resources.serve(**pages, **{last: page(['x'])}).members('/0')),
        )
        self.assertRaises(
            exception.ProtocolError,
            resources.serve(
                **pages, **{last: page(['x'], '/end')}, end=page(['x'])
            ).members,
            '/0',
        )

    def test_number_of_members_is_bounded(self):
        largest = ['x'] * bounds.MAX_MEMBERS

        self.assertEqual(
            largest, resources.serve(a=page(largest)).members('/a')
        )
        e = self.assertRaises(
            exception.ProtocolError,
            resources.serve(a=page([*largest, 'x'])).members,
            '/a',
        )
        self.assertIn('more than 4096 members', str(e))

    def test_invalid_collections_are_errors(self):
        for resource in (
            {},
            {'Members': None},
            {'Members': [], NEXT: 5},
            {'Members': [], NEXT: {'@odata.id': '/b'}},
        ):
            self.assertRaises(
                exception.ProtocolError,
                resources.serve(a=resource).members,
                '/a',
            )

    def test_invalid_members_are_omitted(self):
        controller = resources.serve(
            a={'Members': [None, {}, {'@odata.id': 5}, {'@odata.id': '/x'}]}
        )

        self.assertEqual(['/x'], controller.members('/a'))


class FailureTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.controller = resources.serve(
            good={},
            hung=timeout(),
            hung2=timeout(),
            failed=service.ServerError(device='bmc', reason='503'),
            denied=exception.AuthenticationFailed(device='bmc', user='u'),
        )

    def get(self, *paths):
        """Return whether each resource is available."""
        return [
            self.controller.get_if_available(path) is not None
            for path in paths
        ]

    def test_resource_is_fetched_once(self):
        self.get('/good', '/good', '/failed', '/failed', '/missing')

        self.assertEqual(
            ['/good', '/failed', '/missing'],
            self.controller._service.requests,
        )

    def test_failures_affect_only_their_resource(self):
        self.assertEqual(
            [False, False, False, True],
            self.get('/failed', '/missing', '/failed', '/good'),
        )

    def test_one_timeout_affects_only_its_resource(self):
        self.assertEqual(
            [False, True, False], self.get('/hung', '/good', '/hung')
        )

    def test_answer_between_timeouts_allows_further_requests(self):
        self.assertEqual(
            [False, False, False, True],
            self.get('/hung', '/failed', '/hung2', '/good'),
        )

    def test_two_successive_timeouts_end_requests(self):
        self.get('/hung')
        for path in ('/hung2', '/good'):
            self.assertRaises(
                exception.DeviceUnreachable,
                self.controller.get_if_available,
                path,
            )

        self.assertNotIn('/good', self.controller._service.requests)

    def test_rejected_login_ends_requests(self):
        for path in ('/denied', '/good'):
            self.assertRaises(
                exception.AuthenticationFailed, self.controller.get, path
            )

        self.assertEqual(['/denied'], self.controller._service.requests)


class SizeTest(base.BaseTestCase):
    def test_size_of_all_resources_is_bounded(self):
        # Given a service whose resources have half of that size each,
        large = {'x': 'x' * (bounds.MAX_REDFISH_BYTES // 2)}
        controller = resources.serve(a=large, b=large, c=large)
        controller.get('/a')
        controller.get('/b')

        # when another one is needed,
        e = self.assertRaises(exception.ProtocolError, controller.get, '/c')

        # then it is not fetched, nor are others, but those before are known.
        self.assertIn('more than 16777216 bytes', str(e))
        self.assertRaises(
            exception.ProtocolError, controller.get_if_available, '/d'
        )
        self.assertEqual(large, controller.get('/a'))
