# SPDX-License-Identifier: Apache-2.0


import fixtures
import requests

from energy_meter import exception
from energy_meter.bus import inspection
from energy_meter.bus import transport
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.unit.bus import base

URL = 'https://monitor:a%20word@broker:15671/'


class LookTest(base.BusTestCase):
    def test_a_bus_without_a_broker_can_not_be_asked(self):
        error = self.assertRaises(
            exception.BusUnavailable, inspection.look, self.transport
        )
        self.assertIn('only RabbitMQ', str(error))

    def test_a_broker_that_is_away_is_told_at_once(self):
        port = services.free_port()
        bus = transport.connect(
            self.conf, f'rabbit://user:password@127.0.0.1:{port}/v'
        )
        self.addCleanup(bus.cleanup)

        error = self.assertRaises(
            exception.BusUnavailable, inspection.look, bus
        )

        self.assertIn(f'rabbit://127.0.0.1:{port}/v: ', str(error))
        self.assertNotIn('password', str(error))


class BoundedTest(base.BusTestCase):
    """Answers as those of RabbitMQ's management plugin."""

    def answer(self, status: int, body: bytes = b'{}') -> None:
        def get(url, **options):
            self.asked = url, options['auth']
            response = requests.Response()
            response.status_code = status
            response._content = body
            response.url = url
            return response

        self.useFixture(fixtures.MonkeyPatch('requests.get', get))

    def test_the_plugin_is_asked_for_the_queue(self):
        self.answer(200)
        inspection.is_bounded(URL, '/')
        self.assertEqual(
            (
                'https://broker:15671/api/queues/%2F/energy_meter.info',
                ('monitor', 'a word'),
            ),
            self.asked,
        )

    def test_a_policy_bounds(self):
        self.answer(
            200,
            b'{"effective_policy_definition":'
            b' {"max-length-bytes": 9}, "arguments": {}}',
        )
        self.assertIs(True, inspection.is_bounded(URL, 'v'))

    def test_an_argument_bounds(self):
        self.answer(
            200,
            b'{"effective_policy_definition": [],'
            b' "arguments": {"x-max-length": 9}}',
        )
        self.assertIs(True, inspection.is_bounded(URL, 'v'))

    def test_other_policies_do_not_bound(self):
        self.answer(
            200, b'{"effective_policy_definition": {"delivery-limit": 9}}'
        )
        self.assertIs(False, inspection.is_bounded(URL, 'v'))

    def test_no_policy_is_no_bound(self):
        # RabbitMQ's empty object is a list then.
        self.answer(200, b'{"effective_policy_definition": []}')
        self.assertIs(False, inspection.is_bounded(URL, 'v'))

    def test_a_queue_that_is_new(self):
        self.answer(200, b'{"arguments": {"x-queue-type": "quorum"}}')
        self.assertIsNone(inspection.is_bounded(URL, 'v'))

    def test_a_queue_that_is_not_there(self):
        self.answer(404)
        self.assertIsNone(inspection.is_bounded(URL, 'v'))

    def test_a_refusal_is_told_without_the_password(self):
        self.answer(401)
        error = self.assertRaises(
            exception.BusUnavailable, inspection.is_bounded, URL, 'v'
        )
        self.assertIn('401', str(error))
        self.assertNotIn('word', str(error))

    def test_an_answer_of_something_else(self):
        self.answer(200, b'<html>')
        self.assertRaises(
            exception.BusUnavailable, inspection.is_bounded, URL, 'v'
        )

    def test_an_answer_that_is_no_object(self):
        self.answer(200, b'[]')
        self.assertRaises(
            exception.BusUnavailable, inspection.is_bounded, URL, 'v'
        )

    def test_a_url_that_makes_no_sense_is_told_without_the_password(self):
        self.answer(200)
        for url in (
            'http://monitor:hu/sh@broker:15672',
            'http://[broker',
            'http://monitor:1/hush@broker',
            'broker:15672',
        ):
            error = self.assertRaises(
                exception.ConfigurationError, inspection.is_bounded, url, 'v'
            )
            self.assertIn('[bus] management_url: expected', str(error))
            self.assertNotIn('sh@', str(error))
