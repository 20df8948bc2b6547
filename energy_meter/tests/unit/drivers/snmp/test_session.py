# SPDX-License-Identifier: Apache-2.0


"""Tests of SNMP sessions with different kinds of devices."""

import socket
from unittest import mock

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base
from pysnmp.proto import errind

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import objects as snmp_objects
from energy_meter.drivers.snmp import session
from energy_meter.tests.unit.drivers.snmp import agent

tables = strategies.dictionaries(
    strategies.tuples(
        strategies.just(1),
        strategies.integers(1, 3),
        strategies.integers(0, 1),
        strategies.integers(0, 60),
    ),
    strategies.integers(0, 10),
    max_size=120,
)


class WalkTest(base.BaseTestCase):
    @hypothesis.given(
        tables,
        strategies.sampled_from(['1', '2c']),
        strategies.integers(3, 50),
        strategies.booleans(),
        strategies.integers(1, 100),
    )
    def test_walk_returns_all_objects_in_ranges(
        self, objects, version, max_objects, truncate, rows
    ):
        device = agent.Agent(objects, version, max_objects, truncate)
        connected = agent.connect(device, version)

        values = connected.walk(
            [
                snmp_objects.Range((1, 1), (1, 1, 1, 30)),
                snmp_objects.Range.below((1, 2)),
                snmp_objects.Range((1, 3, 0, 5), (1, 3, 1, 5)),
            ],
            rows,
        )

        self.assertEqual(
            {
                oid: value
                for oid, value in objects.items()
                if (oid[:2] == (1, 1) and oid <= (1, 1, 1, 30))
                or oid[:2] == (1, 2)
                or (1, 3, 0, 5) < oid <= (1, 3, 1, 5)
            },
            values,
        )

    def test_repeated_objects_end_walk(self):
        class Circle(agent.Agent):
            def _walk(self, oids, repetitions):
                return [((1, 1, 1), 7), ((1, 1, 2), 8)] * repetitions

        connected = agent.connect(Circle({}))

        self.assertEqual(
            {(1, 1, 1): 7, (1, 1, 2): 8},
            connected.walk([snmp_objects.Range.below((1, 1))], 10),
        )

    def test_endless_table_raises(self):
        class Endless(agent.Agent):
            def _walk(self, oids, repetitions):
                return [
                    (
                        (*oids[0][:2], oids[0][2] + number)
                        if len(oids[0]) > 2
                        else (1, 1, number),
                        7,
                    )
                    for number in range(1, 10_000)
                ]

        connected = agent.connect(Endless({}, max_objects=10_000))

        error = self.assertRaises(
            exception.ProtocolError,
            connected.walk,
            [snmp_objects.Range.below((1, 1))],
            10,
        )
        self.assertIn(
            f'more than {bounds.MAX_SNMP_OBJECTS} objects', str(error)
        )

    def test_slow_walk_ends(self):
        # Given a device whose table takes longer than any should,
        self.patch(bounds, 'MAX_WALK_S', -1.0)
        connected = agent.connect(agent.Agent({(1, 1, 1): 7}))

        # then the walk ends before the table does.
        error = self.assertRaises(
            exception.DeviceUnreachable,
            connected.walk,
            [snmp_objects.Range.below((1, 1))],
            10,
        )
        self.assertIn('its tables took more than', str(error))

    def test_aborted_session_sends_no_request(self):
        device = agent.Agent({(1, 1, 1): 7})
        connected = agent.connect(device)

        connected.abort()

        for request in (
            lambda: connected.get([(1, 1, 1)]),
            lambda: connected.walk([snmp_objects.Range.below((1, 1))], 10),
        ):
            error = self.assertRaises(exception.DeviceUnreachable, request)
            self.assertIn('the session was ended', str(error))

    def test_empty_response_raises(self):
        class Empty(agent.Agent):
            def _walk(self, oids, repetitions):
                return []

        self.assertRaises(
            exception.ProtocolError,
            agent.connect(Empty({})).walk,
            [snmp_objects.Range.below((1, 1))],
            10,
        )


class GetTest(base.BaseTestCase):
    @hypothesis.given(
        tables,
        strategies.lists(
            strategies.tuples(
                strategies.just(1),
                strategies.integers(1, 3),
                strategies.integers(0, 1),
                strategies.integers(0, 60),
            )
        ),
        strategies.sampled_from(['1', '2c']),
        strategies.integers(1, 50),
    )
    def test_get_returns_values_and_none_for_missing(
        self, objects, oids, version, max_objects
    ):
        device = agent.Agent(objects, version, max_objects)

        self.assertEqual(
            {oid: objects.get(oid) for oid in oids},
            agent.connect(device, version).get(oids),
        )

    def test_text_and_numbers_are_returned(self):
        connected = agent.connect(agent.Agent({(1, 1): 'text', (1, 2): -1}))

        self.assertEqual(
            {(1, 1): b'text', (1, 2): -1}, connected.get([(1, 1), (1, 2)])
        )

    def test_missing_object_is_not_requested_again(self):
        device = agent.Agent({(1, 1): 1}, '1')
        connected = agent.connect(device, '1')
        connected.get([(1, 1), (1, 2)])
        device.requests.clear()

        connected.get([(1, 1), (1, 2)])

        self.assertEqual([[(1, 1)]], device.requests)

    def test_single_too_big_object_raises(self):
        connected = agent.connect(agent.Agent({(1, 1): 1}, max_objects=0))

        error = self.assertRaises(
            exception.ProtocolError, connected.get, [(1, 1)]
        )
        self.assertIn('tooBig', str(error))


class FailingEngine:
    """Stub of a connection whose requests all have the same result."""

    def __init__(self, error=None, status=0):
        self.response = engine.Response(error, status, 0, ())
        self.requests = 0

    def request(self, *args):
        self.requests += 1
        return self.response


class FailureTest(base.BaseTestCase):
    def fail_with(
        self, error_type, error=None, status=0, version='2c', **options
    ):
        connected = agent.connect(
            FailingEngine(error, status), version, **options
        )
        return str(self.assertRaises(error_type, connected.get, [(1, 1)]))

    def test_timeout_error_names_possibly_wrong_secret(self):
        for version, secret in (('2c', 'community'), ('3', 'priv_password')):
            text = self.fail_with(
                exception.DeviceUnreachable,
                errind.requestTimedOut,
                version=version,
            )
            self.assertIn(secret, text)
            self.assertIn('pdu:161', text)

    def test_request_is_retransmitted(self):
        device = FailingEngine(errind.requestTimedOut)

        self.assertRaises(
            exception.DeviceUnreachable,
            agent.connect(device, retries=2).get,
            [(1, 1)],
        )

        self.assertEqual(3, device.requests)

    def test_error_indication_raises(self):
        self.assertIn(
            'badResponse',
            self.fail_with(exception.ProtocolError, 'badResponse'),
        )

    def test_error_status_is_named(self):
        self.assertIn(
            'resourceUnavailable',
            self.fail_with(exception.ProtocolError, status=13),
        )

    def test_unresolvable_host_is_unreachable(self):
        closed = session.Session(
            'pdu', 161, engine.Credentials('2c', 'secret'), '', 1.0, 0
        )
        self.useFixture(
            fixtures.MockPatch(
                'socket.getaddrinfo', side_effect=socket.gaierror('not known')
            )
        )

        error = self.assertRaises(exception.DeviceUnreachable, closed.open)

        self.assertIn('pdu:161', str(error))
        self.assertIn('not known', str(error))

    def test_ipv4_address_is_preferred(self):
        self.useFixture(
            fixtures.MockPatch(
                'socket.getaddrinfo',
                return_value=[
                    (socket.AF_INET6, 0, 0, '', ('::1', 161, 0, 0)),
                    (socket.AF_INET, 0, 0, '', ('127.0.0.1', 161)),
                ],
            )
        )
        connect = mock.Mock()
        self.useFixture(
            fixtures.MockPatchObject(session, 'ENGINES', {'pysnmp': connect})
        )
        opened = session.Session(
            'pdu', 161, engine.Credentials('2c', 'secret'), '', 1.0, 0
        )

        opened.open()

        connect.assert_called_once_with(
            engine.Credentials('2c', 'secret'),
            socket.AF_INET,
            ('127.0.0.1', 161),
            '',
            1.0,
        )

    def test_closed_session_raises(self):
        closed = session.Session(
            '127.0.0.1', 161, engine.Credentials('2c', 'secret'), '', 1.0, 0
        )

        self.assertRaises(exception.ProtocolError, closed.get, [(1, 1)])
        closed.close()
