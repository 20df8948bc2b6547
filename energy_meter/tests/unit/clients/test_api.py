# SPDX-License-Identifier: Apache-2.0

"""Tests for the client of the API."""

import json

import hypothesis
from hypothesis import strategies
from keystoneauth1 import noauth
from keystoneauth1 import session as keystone_session
from keystoneauth1 import token_endpoint
from oslotest import base

from energy_meter import exception
from energy_meter.clients import api
from energy_meter.tests.unit import api_stub

LISTING = '/v1/probes/'

VERSIONS = {
    'versions': [
        {'id': 'v0.9', 'status': 'SUPPORTED'},
        {'id': 'v1.0', 'status': 'CURRENT'},
    ]
}

anything = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(strategies.text(), inner, max_size=3)
    ),
    max_leaves=5,
)


def make_client(endpoint: str | None, **options: float) -> api.Client:
    session = keystone_session.Session(auth=noauth.NoAuth())
    return api.Client(session, endpoint_override=endpoint, **options)


class ClientTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.api = self.useFixture(api_stub.APIStub())
        self.client = make_client(self.api.url)

    def answer(self, path, body, status=200):
        """Set the response for a path."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.api.answers[path] = status, body

    def test_probes_have_all_fields(self):
        self.api.show(a={}, b={'w': None})

        first, second = self.client.probes()

        self.assertEqual(
            api.Probe(
                id='a',
                timestamp=1700000000.5,
                kwh=1.25,
                watts=173.0,
                scope='node',
                host='node-41',
                wattmeter='rack1-bmc41',
                coverage=0.9998,
                project_id=None,
            ),
            first,
        )
        self.assertEqual(('b', None), (second.id, second.watts))

    def test_probe_ids_are_listed(self):
        self.answer('/v1/probe-ids/', {'probe_ids': ['a', 'b/c']})

        self.assertEqual(['a', 'b/c'], self.client.probe_ids())

    def test_probe_id_is_percent_encoded(self):
        name = 'rack 1/höhe:40%?#'
        self.answer(
            '/v1/probes/rack%201%2Fh%C3%B6he%3A40%25%3F%23/',
            {name: api_stub.PROBE},
        )

        self.assertEqual(name, self.client.probe(name).id)

    def test_unknown_probe_is_not_found(self):
        error = self.assertRaises(
            exception.ProbeNotFound, self.client.probe, 'desk'
        )

        self.assertEqual('probe desk not found', str(error))

    def test_current_version_is_returned(self):
        self.answer('/', VERSIONS)

        self.assertEqual('v1.0', self.client.version())

    def test_endpoint_with_or_without_version_is_accepted(self):
        for prefix in '', 'energy':
            for suffix in '', '/', '/v1', '/v1/':
                endpoint = (self.api.url + prefix).rstrip('/') + suffix

                self.assertEqual([], make_client(endpoint).probes(), endpoint)

        self.assertEqual(
            {LISTING: 4, f'/energy{LISTING}': 4}, self.api.requests
        )

    def test_session_provides_endpoint_and_token(self):
        auth = token_endpoint.Token(f'{self.api.url}v1', 'token-of-reader')
        client = api.Client(keystone_session.Session(auth=auth))

        client.probes()

        self.assertEqual({LISTING: 1}, self.api.requests)
        self.assertEqual(['token-of-reader'], self.api.tokens)

    def test_missing_endpoint_is_api_unavailable(self):
        error = self.assertRaises(
            exception.APIUnavailable, make_client(None).probes
        )

        self.assertIn('no endpoint of service type energy', str(error))

    def test_refused_connection_is_api_unavailable(self):
        self.api.stop()

        error = self.assertRaises(exception.APIUnavailable, self.client.probes)

        self.assertIn(f'{self.api.url}v1/probes/: Unable to', str(error))
        self.assertNotIn('\n', str(error))

    def test_timeout_is_api_unavailable(self):
        self.api.open.clear()
        client = make_client(self.api.url, timeout=0.05)

        error = self.assertRaises(exception.APIUnavailable, client.probes)

        self.assertIn('timed out', str(error))

    def test_client_and_server_errors_are_distinguished(self):
        for status, error_type in (
            (401, exception.APIRequestRejected),
            (403, exception.APIRequestRejected),
            (404, exception.APIRequestRejected),
            (500, exception.APIUnavailable),
            (503, exception.APIUnavailable),
        ):
            self.answer(LISTING, b'no', status)

            error = self.assertRaises(error_type, self.client.probes)

            self.assertIn(f'/v1/probes/: {status} ', str(error))

    def test_message_of_api_is_in_error(self):
        for body, reason in (
            (
                {'error': {'message': 'policy\nviolation'}},
                '403 Forbidden: policy violation',
            ),
            ({'error': 'no'}, '403 Forbidden'),
            (b'<html>', '403 Forbidden'),
        ):
            self.answer(LISTING, body, 403)

            error = self.assertRaises(
                exception.APIRequestRejected, self.client.probes
            )

            self.assertEqual(f'{self.api.url}v1/probes/: {reason}', str(error))

    def test_invalid_listing_is_rejected_with_reason(self):
        invalid = [
            (b'<html>', 'not JSON'),
            (b'\xff', 'not JSON'),
            (b'[' * 100_000, 'not JSON'),
            ([], 'not an object'),
            ({}, '"probes" is missing or not of type dict'),
            ({'probes': ['a']}, '"probes" is missing or not of type dict'),
            ({'probes': {'a': 1}}, 'probe "a" is not an object'),
            ({'probes': {'': {}}}, "invalid probe id ''"),
            ({'probes': {'a\nb': {}}}, r"invalid probe id 'a\nb'"),
            # A lone surrogate, which cannot be encoded as UTF-8.
            ({'probes': {'\ud800': {}}}, r"invalid probe id '\ud800'"),
        ]
        for body, reason in invalid:
            self.answer(LISTING, body)

            error = self.assertRaises(
                exception.InvalidResponse, self.client.probes
            )

            self.assertIn(f'invalid response: {reason}', str(error))

    def test_impossible_value_is_rejected(self):
        invalid = [
            ('timestamp', None),
            ('timestamp', -1.0),
            ('timestamp', 3e11),
            ('timestamp', '2026-01-01'),
            ('kwh', None),
            ('kwh', True),
            ('kwh', float('nan')),
            ('kwh', 10**400),
            ('w', '173'),
            ('w', float('inf')),
            ('scope', ''),
            ('host', None),
            ('wattmeter', 'a\nb'),
            ('coverage', None),
            ('project_id', ''),
        ]
        for field, value in invalid:
            self.api.show(a={field: value})

            error = self.assertRaises(
                exception.InvalidResponse, self.client.probes
            )

            self.assertIn(f'invalid "{field}" of probe "a": ', str(error))

    def test_other_invalid_responses_are_rejected(self):
        self.answer('/v1/probe-ids/', {'probe_ids': [1]})
        self.answer('/v1/probes/a/', {'b': api_stub.PROBE})

        for call in (
            self.client.probe_ids,
            self.client.version,
            lambda: self.client.probe('a'),
        ):
            self.answer('/', {'versions': [7, {'status': 'SUPPORTED'}]})
            self.assertRaises(exception.InvalidResponse, call)

    @hypothesis.given(body=anything)
    def test_arbitrary_listing_is_rejected(self, body):
        hypothesis.assume(not (isinstance(body, dict) and 'probes' in body))
        self.answer(LISTING, body)
        self.assertRaises(exception.InvalidResponse, self.client.probes)

    @hypothesis.given(
        field=strategies.sampled_from(sorted(api_stub.PROBE)), value=anything
    )
    def test_arbitrary_field_is_valid_or_rejected(self, field, value):
        self.api.show(a={field: value})
        try:
            (probe,) = self.client.probes()
        except exception.InvalidResponse:
            return
        for text in probe.scope, probe.host, probe.wattmeter:
            text.encode()
        for number in probe.timestamp, probe.kwh, probe.coverage:
            float(number)
