# SPDX-License-Identifier: Apache-2.0

"""Tests for requests for the energy of instances, projects and hosts."""

import json

import hypothesis
from hypothesis import strategies
from keystoneauth1 import noauth
from keystoneauth1 import session as keystone_session
from oslotest import base

from energy_meter import exception
from energy_meter.clients import api
from energy_meter.clients import attribution
from energy_meter.tests.unit import api_stub
from energy_meter.tests.unit import attribution_documents as documents
from energy_meter.tests.unit import energy_documents
from energy_meter.tests.unit.clients import test_api

MARCH = energy_documents.utc(2026, 3, 1)
END = MARCH + energy_documents.DAY
ROW = documents.row(MARCH, END, 2**60 + 1, idle_kwh=0.5, device_kwh=0.25)
HOST_ROW = documents.host_row(MARCH, END, 6, 2, 1, 1, idle=4)
INSTANCE = documents.instance('i', ROW)
HOST = documents.host(
    'h', [HOST_ROW], [documents.host_instance('i', [HOST_ROW])]
)


class _TestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.api = self.useFixture(api_stub.APIStub())
        session = keystone_session.Session(auth=noauth.NoAuth())
        self.client = api.Client(session, endpoint_override=self.api.url)

    def answer(self, path, body):
        self.api.answers[path] = 200, json.dumps(body).encode()


class AttributionTest(_TestCase):
    def test_instance_has_all_fields(self):
        self.answer(
            '/v1/instances/i/energy', documents.document(INSTANCE, [ROW])
        )

        (page,) = attribution.instance(self.client, 'i')

        (instance,) = page.members
        self.assertEqual(
            ('i', 'name-i', 'p', 'web', 'u', ('h1',), None, ('node',)),
            instance[:8],
        )
        self.assertEqual(2**60 + 1, instance.intervals[0].millijoules)
        self.assertEqual(0.5, instance.intervals[0].idle_kwh)
        self.assertEqual(0.25, instance.intervals[0].device_kwh)
        self.assertEqual(('reserved-and-cpu, version 1',), page.methods)

    def test_host_has_instances_and_idle_power(self):
        self.answer('/v1/hosts/h/energy', HOST)

        (page,) = attribution.host(self.client, 'h')

        (host,) = page.members
        self.assertEqual(120.0, host.idle_power[0].watts)
        self.assertEqual([10], host.instances[0].millijoules)
        self.assertEqual(6 / 3.6e9, host.intervals[0].instances)

    def test_unknown_instance_and_host_are_not_found(self):
        for error, pages in (
            (
                exception.InstanceNotFound,
                attribution.instance(self.client, 'x'),
            ),
            (exception.HostNotFound, attribution.host(self.client, 'x')),
        ):
            self.assertRaises(error, list, pages)


class InvalidResponsesTest(_TestCase):
    def test_missing_members_are_rejected(self):
        for path, body, pages in (
            ('/v1/instances', {}, attribution.instances(self.client)),
            (
                '/v1/instances/i/energy',
                documents.document(INSTANCE, [ROW], intervals=None),
                attribution.instance(self.client, 'i'),
            ),
            (
                '/v1/hosts/h/energy',
                {**HOST, 'idle_power': [None]},
                attribution.host(self.client, 'h'),
            ),
        ):
            self.answer(path, body)

            self.assertRaises(exception.InvalidResponse, list, pages)

    @hypothesis.given(
        field=strategies.sampled_from(sorted(HOST)), value=test_api.anything
    )
    def test_arbitrary_field_of_a_host_is_valid_or_rejected(
        self, field, value
    ):
        self.answer('/v1/hosts/h/energy', HOST | {field: value, 'next': None})
        try:
            (page,) = attribution.host(self.client, 'h')
        except exception.InvalidResponse:
            return
        (host,) = page.members
        for text in (host.host, *host.scopes, *page.methods):
            text.encode()

    @hypothesis.given(
        field=strategies.sampled_from(sorted(INSTANCE)),
        value=test_api.anything,
    )
    def test_arbitrary_field_of_an_instance_is_valid_or_rejected(
        self, field, value
    ):
        listing = documents.listing('instances', [INSTANCE])
        listing['instances'] = [INSTANCE | {field: value}]
        self.answer('/v1/instances', listing)
        try:
            (page,) = attribution.instances(self.client)
        except exception.InvalidResponse:
            return
        (instance,) = page.members
        for text in instance[:4]:
            text.encode()
