# SPDX-License-Identifier: Apache-2.0

"""Tests for requests for the energy of probes."""

import datetime
import json
import urllib.parse
import zoneinfo

import hypothesis
from hypothesis import strategies
from keystoneauth1 import noauth
from keystoneauth1 import session as keystone_session
from oslotest import base

from energy_meter import exception
from energy_meter.clients import api
from energy_meter.clients import usage
from energy_meter.tests.unit import api_stub
from energy_meter.tests.unit import energy_documents as documents
from energy_meter.tests.unit.clients import test_api

PROBE = '/v1/probes/a/energy'
LISTING = '/v1/energy'

MARCH = documents.utc(2026, 3, 1)
FIRST = documents.interval(MARCH, MARCH + documents.DAY, 3_600_000_000)
SECOND = documents.interval(
    MARCH + documents.DAY,
    MARCH + 2 * documents.DAY,
    2**60 + 1,
    coverage=0.5,
    uncertain_kwh=0.25,
    quality='partial',
    clock=['ahead', 'step'],
    state='open',
    version=None,
)


def listing_with(interval):
    """Return a listing that is valid except for an interval."""
    listing = documents.listing([documents.probe('a', [FIRST])])
    listing['probes'][0]['intervals'] = [interval]
    return listing


class _TestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.api = self.useFixture(api_stub.APIStub())
        session = keystone_session.Session(auth=noauth.NoAuth())
        self.client = api.Client(session, endpoint_override=self.api.url)

    def answer(self, path, body):
        """Set the response for a path."""
        self.api.answers[path] = 200, json.dumps(body).encode()

    def queries(self):
        """Return the parameters of the requests, in order."""
        return [
            dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))
            for path in self.api.requests
        ]


class ProbeTest(_TestCase):
    def test_intervals_have_all_fields(self):
        self.answer(PROBE, documents.document('a', [FIRST, SECOND]))

        (page,) = self.client.energy('a')

        (probe,) = page.probes
        self.assertEqual(('a', None, 0.0), (*probe[:2], probe.kwh_ahead))
        self.assertEqual(
            usage.Interval(
                start=MARCH + documents.DAY,
                end=MARCH + 2 * documents.DAY,
                kwh=(2**60 + 1) / 3.6e9,
                millijoules=2**60 + 1,
                coverage=0.5,
                uncertain_kwh=0.25,
                quality='partial',
                clock=('ahead', 'step'),
                state='open',
                version=None,
            ),
            probe.intervals[1],
        )
        self.assertEqual(3_600_000_000 + 2**60 + 1, page.total.millijoules)

    def test_query_is_sent_in_utc(self):
        self.answer(PROBE, documents.document('a', [FIRST]))
        paris = zoneinfo.ZoneInfo('Europe/Paris')

        list(
            self.client.energy(
                'a',
                usage.Query(
                    start=datetime.datetime(2026, 3, 29, tzinfo=paris),
                    end=datetime.datetime(2026, 3, 30, tzinfo=paris),
                    step=900,
                    timezone='Europe/Paris',
                    as_of=MARCH,
                ),
            )
        )

        self.assertEqual(
            [
                {
                    'start': '2026-03-28T23:00:00+00:00',
                    'end': '2026-03-29T22:00:00+00:00',
                    'step': '900',
                    'timezone': 'Europe/Paris',
                    'as_of': '2026-03-01T00:00:00+00:00',
                }
            ],
            self.queries(),
        )

    def test_defaults_are_those_of_the_api(self):
        self.answer(PROBE, documents.document('a', [FIRST]))

        list(self.client.energy('a'))

        self.assertEqual([{}], self.queries())

    def test_probe_id_is_percent_encoded(self):
        self.answer(
            '/v1/probes/rack%201%2F7/energy',
            documents.document('rack 1/7', [FIRST]),
        )

        (page,) = self.client.energy('rack 1/7')

        self.assertEqual('rack 1/7', page.probes[0].probe_id)

    def test_unknown_probe_is_not_found(self):
        error = self.assertRaises(
            exception.ProbeNotFound, list, self.client.energy('desk')
        )

        self.assertEqual('probe desk not found', str(error))

    def test_message_of_rejection_is_in_error(self):
        self.api.answers[PROBE] = (
            409,
            b'{"error": {"message": "as_of: day 2026-03-01 is open"}}',
        )

        error = self.assertRaises(
            exception.APIRequestRejected, list, self.client.energy('a')
        )

        self.assertIn('409 Conflict: as_of: day 2026-03-01', str(error))


class PagesTest(_TestCase):
    def setUp(self):
        super().setUp()
        self.first = documents.listing(
            [documents.probe('a', [FIRST])],
            next='http://elsewhere.example/v1/energy?marker=a&host=n+1',
        )
        self.last = documents.listing([documents.probe('b', [SECOND])])
        self.answer(f'{LISTING}?host=n+1', self.first)
        self.answer(f'{LISTING}?marker=a&host=n+1', self.last)

    def test_next_pages_are_followed_at_the_same_endpoint(self):
        pages = list(self.client.energies(host='n 1'))

        self.assertEqual(
            [['a'], ['b']],
            [[probe.probe_id for probe in page.probes] for page in pages],
        )
        probe = pages[0].probes[0]
        self.assertEqual(
            ('host-a', 'node', None),
            (probe.host, probe.scope, probe.project_id),
        )

    def test_next_page_is_requested_when_it_is_needed(self):
        pages = self.client.energies(host='n 1')

        next(pages)

        self.assertEqual(1, self.api.requests.total())

    def test_endless_pages_are_rejected(self):
        self.last['next'] = self.first['next']
        self.answer(f'{LISTING}?marker=a&host=n+1', self.last)

        error = self.assertRaises(
            exception.InvalidResponse, list, self.client.energies(host='n 1')
        )

        self.assertIn('the next page is an earlier one', str(error))

    def test_no_probe_is_an_empty_page(self):
        self.answer(LISTING, self.last | {'probes': []})

        (page,) = self.client.energies()

        self.assertEqual([], page.probes)


class ValidationTest(_TestCase):
    def reason(self, body):
        """Return why a listing is rejected."""
        self.answer(LISTING, body)
        error = self.assertRaises(
            exception.InvalidResponse, list, self.client.energies()
        )
        return str(error).partition('invalid response: ')[2]

    def test_invalid_documents_are_rejected_with_reason(self):
        valid = documents.listing([documents.probe('a', [FIRST])])
        for fields, reason in (
            ({'probes': None}, '"probes" is missing or not of type list'),
            ({'probes': [7]}, 'a probe is missing or not an object'),
            ({'total': 1}, 'the total is missing or not an object'),
            ({'start': 'soon'}, 'invalid "start" of the response: \'soon\''),
            ({'final_until': 7}, 'invalid "final_until" of the response: 7'),
            ({'next': 7}, 'invalid "next" of the response: 7'),
        ):
            self.assertEqual(reason, self.reason(valid | fields))

    def test_impossible_values_are_rejected(self):
        for field, value in (
            ('start', None),
            ('start', '2026-03-01T00:00:00'),
            ('end', '0001-01-01T00:00:00+10:00'),
            ('kwh', '1'),
            ('kwh', float('nan')),
            ('millijoules', 7),
            ('millijoules', '1e9'),
            ('millijoules', '9' * 5000),
            ('coverage', None),
            ('uncertain_kwh', True),
            ('quality', ''),
            ('clock', 'ahead'),
            ('clock', [1]),
            ('state', None),
            ('version', 1.5),
            ('version', True),
        ):
            reason = self.reason(listing_with(FIRST | {field: value}))

            self.assertTrue(
                reason.startswith(
                    f'invalid "{field}" of an interval of probe "a": '
                ),
                reason,
            )

    def test_missing_field_of_probe_is_rejected(self):
        probe = documents.probe('a', [FIRST])
        del probe['kwh_ahead']

        self.assertEqual(
            'invalid "kwh_ahead" of a probe: None',
            self.reason(documents.listing([probe])),
        )

    @hypothesis.given(
        field=strategies.sampled_from(sorted(FIRST)), value=test_api.anything
    )
    def test_arbitrary_field_is_valid_or_rejected(self, field, value):
        self.answer(LISTING, listing_with(FIRST | {field: value}))
        try:
            (page,) = self.client.energies()
        except exception.InvalidResponse:
            return
        (interval,) = page.probes[0].intervals
        float(interval.kwh)
        for text in interval.quality, interval.state, *interval.clock:
            text.encode()
