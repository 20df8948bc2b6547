# SPDX-License-Identifier: Apache-2.0

"""The client: finds the API, and believes only what makes sense."""

import json

import hypothesis
from hypothesis import strategies
from keystoneauth1 import noauth
from keystoneauth1 import session as keystone_session
from keystoneauth1 import token_endpoint
from oslotest import base

from energy_meter import client
from energy_meter import exception
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


def make_client(endpoint: str | None, **options: float) -> client.Client:
    session = keystone_session.Session(auth=noauth.NoAuth())
    return client.Client(session, endpoint_override=endpoint, **options)


class ClientTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.api = self.useFixture(api_stub.APIStub())
        self.client = make_client(self.api.url)

    def answer(self, path, body, status=200):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.api.answers[path] = status, body

    def test_lists_probes_with_all_that_is_known_of_them(self):
        self.api.show(a={}, b={'w': None})

        a, b = self.client.probes()

        self.assertEqual(
            client.Probe(
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
            a,
        )
        self.assertEqual(('b', None), (b.id, b.watts))

    def test_lists_probe_ids(self):
        self.answer('/v1/probe-ids/', {'probe_ids': ['a', 'b/c']})

        self.assertEqual(['a', 'b/c'], self.client.probe_ids())

    def test_gives_one_probe_by_its_percent_encoded_id(self):
        name = 'rack 1/höhe:40%?#'
        self.answer(
            '/v1/probes/rack%201%2Fh%C3%B6he%3A40%25%3F%23/',
            {name: api_stub.PROBE},
        )

        self.assertEqual(name, self.client.probe(name).id)

    def test_says_that_a_probe_is_unknown(self):
        error = self.assertRaises(
            exception.UnknownProbe, self.client.probe, 'desk'
        )

        self.assertEqual('no probe desk', str(error))

    def test_gives_the_current_version(self):
        self.answer('/', VERSIONS)

        self.assertEqual('v1.0', self.client.version())

    def test_takes_an_endpoint_in_every_usual_form(self):
        for prefix in '', 'energy':
            for suffix in '', '/', '/v1', '/v1/':
                endpoint = (self.api.url + prefix).rstrip('/') + suffix

                self.assertEqual([], make_client(endpoint).probes(), endpoint)

        self.assertEqual(
            {LISTING: 4, f'/energy{LISTING}': 4}, self.api.requests
        )

    def test_takes_endpoint_and_token_from_the_session(self):
        auth = token_endpoint.Token(f'{self.api.url}v1', 'token-of-reader')
        found = client.Client(keystone_session.Session(auth=auth))

        found.probes()

        self.assertEqual({LISTING: 1}, self.api.requests)
        self.assertEqual(['token-of-reader'], self.api.tokens)

    def test_says_that_the_catalog_has_no_endpoint(self):
        error = self.assertRaises(
            exception.APIUnavailable, make_client(None).probes
        )

        self.assertIn('no endpoint of a service of type energy', str(error))

    def test_says_that_the_api_is_down(self):
        self.api.stop()

        error = self.assertRaises(exception.APIUnavailable, self.client.probes)

        self.assertIn(f'{self.api.url}v1/probes/: Unable to', str(error))
        self.assertNotIn('\n', str(error))

    def test_does_not_wait_longer_than_the_timeout(self):
        self.api.open.clear()
        impatient = make_client(self.api.url, timeout=0.05)

        error = self.assertRaises(exception.APIUnavailable, impatient.probes)

        self.assertIn('timed out', str(error))

    def test_tells_a_refusal_from_a_failure(self):
        for status, kind in (
            (401, exception.APIRefused),
            (403, exception.APIRefused),
            (404, exception.APIRefused),
            (500, exception.APIUnavailable),
            (503, exception.APIUnavailable),
        ):
            self.answer(LISTING, b'no', status)

            error = self.assertRaises(kind, self.client.probes)

            self.assertIn(f'/v1/probes/: {status} ', str(error))

    def test_says_why_it_was_refused(self):
        for body, reason in (
            (
                {'error': {'message': 'the policy\nsays no'}},
                '403 Forbidden: the policy says no',
            ),
            ({'error': 'no'}, '403 Forbidden'),
            (b'<html>', '403 Forbidden'),
        ):
            self.answer(LISTING, body, 403)

            error = self.assertRaises(exception.APIRefused, self.client.probes)

            self.assertEqual(f'{self.api.url}v1/probes/: {reason}', str(error))

    def test_says_what_of_an_answer_makes_no_sense(self):
        bad = [
            (b'<html>', 'not JSON'),
            (b'\xff', 'not JSON'),
            (b'[' * 100_000, 'not JSON'),
            ([], 'not an object'),
            ({}, '"probes" is missing or no dict'),
            ({'probes': ['a']}, '"probes" is missing or no dict'),
            ({'probes': {'a': 1}}, 'probe "a" is no dict'),
            ({'probes': {'': {}}}, "a probe is named ''"),
            ({'probes': {'a\nb': {}}}, r"a probe is named 'a\nb'"),
            # Half a surrogate pair, which can't be written as UTF-8.
            ({'probes': {'\ud800': {}}}, r"a probe is named '\ud800'"),
        ]
        for body, reason in bad:
            self.answer(LISTING, body)

            error = self.assertRaises(
                exception.InvalidAnswer, self.client.probes
            )

            self.assertIn(f'makes no sense: {reason}', str(error))

    def test_believes_no_impossible_value(self):
        bad = [
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
        for field, value in bad:
            self.api.show(a={field: value})

            error = self.assertRaises(
                exception.InvalidAnswer, self.client.probes
            )

            self.assertIn(f'"{field}" of probe "a" is ', str(error))

    def test_answers_to_other_questions_must_make_sense_too(self):
        self.answer('/v1/probe-ids/', {'probe_ids': [1]})
        self.answer('/v1/probes/a/', {'b': api_stub.PROBE})

        for ask in (
            self.client.probe_ids,
            self.client.version,
            lambda: self.client.probe('a'),
        ):
            self.answer('/', {'versions': [7, {'status': 'SUPPORTED'}]})
            self.assertRaises(exception.InvalidAnswer, ask)

    @hypothesis.given(body=anything)
    def test_anything_else_is_an_error_of_ours(self, body):
        hypothesis.assume(not (isinstance(body, dict) and 'probes' in body))
        self.answer(LISTING, body)
        self.assertRaises(exception.InvalidAnswer, self.client.probes)

    @hypothesis.given(
        field=strategies.sampled_from(sorted(api_stub.PROBE)), value=anything
    )
    def test_a_field_is_what_it_should_be_or_an_error(self, field, value):
        self.api.show(a={field: value})
        try:
            (probe,) = self.client.probes()
        except exception.InvalidAnswer:
            return
        for text in probe.scope, probe.host, probe.wattmeter:
            text.encode()
        for number in probe.timestamp, probe.kwh, probe.coverage:
            float(number)
