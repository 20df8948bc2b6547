# SPDX-License-Identifier: Apache-2.0

"""Tests of queries about queues."""

import fixtures
import requests

from energy_meter import exception
from energy_meter.bus import queues
from energy_meter.bus import transport
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.unit.bus import base

URL = 'https://monitor:a%20phrase@broker:15671/'


class GetQueueTest(base.BusTestCase):
    def test_bus_without_a_broker_is_an_error(self):
        error = self.assertRaises(
            exception.BusUnavailable, queues.get_queue, self.transport
        )
        self.assertIn('only on RabbitMQ', str(error))

    def test_unreachable_broker_is_reported_without_password(self):
        port = services.free_port()
        bus = transport.connect(
            self.conf, f'rabbit://user:password@127.0.0.1:{port}/v'
        )
        self.addCleanup(bus.cleanup)

        error = self.assertRaises(
            exception.BusUnavailable, queues.get_queue, bus
        )

        self.assertIn(f'rabbit://127.0.0.1:{port}/v: ', str(error))
        self.assertNotIn('password', str(error))


class IsBoundedTest(base.BusTestCase):
    """Tests with responses of RabbitMQ's management plugin."""

    def respond(self, status: int, body: bytes = b'{}') -> None:
        def get(url, **options):
            self.request = url, options['auth']
            response = requests.Response()
            response.status_code = status
            response._content = body
            response.url = url
            return response

        self.useFixture(fixtures.MonkeyPatch('requests.get', get))

    def test_request_names_virtual_host_and_queue(self):
        self.respond(200)
        queues.is_bounded(URL, '/')
        self.assertEqual(
            (
                'https://broker:15671/api/queues/%2F/energy_meter.info',
                ('monitor', 'a phrase'),
            ),
            self.request,
        )

    def test_queue_with_limit_in_policy_is_bounded(self):
        self.respond(
            200,
            b'{"effective_policy_definition":'
            b' {"max-length-bytes": 9}, "arguments": {}}',
        )
        self.assertIs(True, queues.is_bounded(URL, 'v'))

    def test_queue_with_limit_in_arguments_is_bounded(self):
        self.respond(
            200,
            b'{"effective_policy_definition": [],'
            b' "arguments": {"x-max-length": 9}}',
        )
        self.assertIs(True, queues.is_bounded(URL, 'v'))

    def test_queue_with_another_policy_is_unbounded(self):
        self.respond(
            200, b'{"effective_policy_definition": {"delivery-limit": 9}}'
        )
        self.assertIs(False, queues.is_bounded(URL, 'v'))

    def test_queue_without_policy_is_unbounded(self):
        # RabbitMQ writes an empty policy as a list.
        self.respond(200, b'{"effective_policy_definition": []}')
        self.assertIs(False, queues.is_bounded(URL, 'v'))

    def test_new_queue_is_unknown(self):
        self.respond(200, b'{"arguments": {"x-queue-type": "quorum"}}')
        self.assertIsNone(queues.is_bounded(URL, 'v'))

    def test_missing_queue_is_unknown(self):
        self.respond(404)
        self.assertIsNone(queues.is_bounded(URL, 'v'))

    def test_rejected_login_is_reported_without_password(self):
        self.respond(401)
        error = self.assertRaises(
            exception.BusUnavailable, queues.is_bounded, URL, 'v'
        )
        self.assertIn('401', str(error))
        self.assertNotIn('phrase', str(error))

    def test_response_that_is_not_json_is_an_error(self):
        self.respond(200, b'<html>')
        self.assertRaises(
            exception.BusUnavailable, queues.is_bounded, URL, 'v'
        )

    def test_response_that_is_not_an_object_is_an_error(self):
        self.respond(200, b'[]')
        self.assertRaises(
            exception.BusUnavailable, queues.is_bounded, URL, 'v'
        )

    def test_invalid_url_is_reported_without_password(self):
        self.respond(200)
        for url in (
            'http://monitor:hu/sh@broker:15672',
            'http://[broker',
            'http://monitor:1/hush@broker',
            'broker:15672',
        ):
            error = self.assertRaises(
                exception.ConfigurationError, queues.is_bounded, url, 'v'
            )
            self.assertIn('[bus] management_url: expected', str(error))
            self.assertNotIn('sh@', str(error))
