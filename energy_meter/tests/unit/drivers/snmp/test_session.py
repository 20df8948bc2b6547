# SPDX-License-Identifier: Apache-2.0


"""A session gets all that it is asked for, whatever the device is like."""

import socket
from unittest import mock

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base
from pysnmp.proto import errind

from energy_meter import exception
from energy_meter.drivers.snmp import engine
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


class ListTest(base.BaseTestCase):
    """Sweeps."""

    @hypothesis.given(
        tables,
        strategies.sampled_from(['1', '2c']),
        strategies.integers(3, 50),
        strategies.booleans(),
        strategies.integers(1, 100),
    )
    def test_a_sweep_finds_all_that_is_in_its_ranges(
        self, objects, version, most, cut, rows
    ):
        device = agent.Agent(objects, version, most, cut)
        asked = agent.connect(device, version)

        found = asked.sweep(
            [
                session.Range((1, 1), (1, 1, 1, 30)),
                session.Range.below((1, 2)),
                session.Range((1, 3, 0, 5), (1, 3, 1, 5)),
            ],
            rows,
        )

        self.assertEqual(
            {
                oid: value
                for oid, value in objects.items()
                if oid[:2] == (1, 1)
                and oid <= (1, 1, 1, 30)
                or oid[:2] == (1, 2)
                or (1, 3, 0, 5) < oid <= (1, 3, 1, 5)
            },
            found,
        )

    def test_a_device_that_goes_in_circles(self):
        class Circle(agent.Agent):
            def _list(self, oids, repetitions):
                return [((1, 1, 1), 7), ((1, 1, 2), 8)] * repetitions

        asked = agent.connect(Circle({}))

        self.assertEqual(
            {(1, 1, 1): 7, (1, 1, 2): 8},
            asked.sweep([session.Range.below((1, 1))], 10),
        )

    def test_a_device_that_never_ends(self):
        class Endless(agent.Agent):
            def _list(self, oids, repetitions):
                return [
                    (
                        (*oids[0][:2], oids[0][2] + number)
                        if len(oids[0]) > 2
                        else (1, 1, number),
                        7,
                    )
                    for number in range(1, 10_000)
                ]

        asked = agent.connect(Endless({}, most=10_000))

        error = self.assertRaises(
            exception.ProtocolError,
            asked.sweep,
            [session.Range.below((1, 1))],
            10,
        )
        self.assertIn('no end', str(error))

    def test_an_empty_answer(self):
        class Empty(agent.Agent):
            def _list(self, oids, repetitions):
                return []

        self.assertRaises(
            exception.ProtocolError,
            agent.connect(Empty({})).sweep,
            [session.Range.below((1, 1))],
            10,
        )


class NameTest(base.BaseTestCase):
    """Asking for objects by name."""

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
    def test_all_values_are_given_and_none_of_what_is_missing(
        self, objects, oids, version, most
    ):
        device = agent.Agent(objects, version, most)

        self.assertEqual(
            {oid: objects.get(oid) for oid in oids},
            agent.connect(device, version).get(oids),
        )

    def test_text_and_numbers(self):
        asked = agent.connect(agent.Agent({(1, 1): 'text', (1, 2): -1}))

        self.assertEqual(
            {(1, 1): b'text', (1, 2): -1}, asked.get([(1, 1), (1, 2)])
        )

    def test_what_is_missing_is_not_asked_for_each_time(self):
        device = agent.Agent({(1, 1): 1}, '1')
        asked = agent.connect(device, '1')
        asked.get([(1, 1), (1, 2)])
        device.requests.clear()

        asked.get([(1, 1), (1, 2)])

        self.assertEqual([[(1, 1)]], device.requests)

    def test_an_object_that_is_too_big_alone(self):
        asked = agent.connect(agent.Agent({(1, 1): 1}, most=0))

        error = self.assertRaises(exception.ProtocolError, asked.get, [(1, 1)])
        self.assertIn('tooBig', str(error))


class Failing:
    """An engine whose requests come to the same end each."""

    def __init__(self, problem=None, status=0):
        self.answer = engine.Answer(problem, status, 0, ())
        self.asked = 0

    async def ask(self, *args):
        self.asked += 1
        return self.answer


class FailureTest(base.BaseTestCase):
    def fail_with(
        self, error, problem=None, status=0, version='2c', **options
    ):
        asked = agent.connect(Failing(problem, status), version, **options)
        return str(self.assertRaises(error, asked.get, [(1, 1)]))

    def test_no_answer(self):
        for version, suspect in (('2c', 'community'), ('3', 'priv_password')):
            text = self.fail_with(
                exception.DeviceUnreachable,
                errind.requestTimedOut,
                version=version,
            )
            self.assertIn(suspect, text)
            self.assertIn('pdu:161', text)

    def test_it_asks_again_as_often_as_told(self):
        device = Failing(errind.requestTimedOut)

        self.assertRaises(
            exception.DeviceUnreachable,
            agent.connect(device, retries=2).get,
            [(1, 1)],
        )

        self.assertEqual(3, device.asked)

    def test_an_answer_that_pysnmp_rejects(self):
        self.assertIn(
            'badResponse',
            self.fail_with(exception.ProtocolError, 'badResponse'),
        )

    def test_a_status_has_its_name_in_the_error(self):
        self.assertIn(
            'resourceUnavailable',
            self.fail_with(exception.ProtocolError, status=13),
        )

    def test_a_host_without_an_address(self):
        asked = session.Session(
            'pdu', 161, engine.Credentials('2c', 'secret'), '', 1.0, 0
        )
        self.useFixture(
            fixtures.MockPatch(
                'socket.getaddrinfo', side_effect=socket.gaierror('not known')
            )
        )

        error = self.assertRaises(exception.DeviceUnreachable, asked.open)

        self.assertIn('pdu:161 did not answer: not known', str(error))

    def test_an_address_of_ipv4_is_used_where_there_is_one(self):
        self.useFixture(
            fixtures.MockPatch(
                'socket.getaddrinfo',
                return_value=[
                    (socket.AF_INET6, 0, 0, '', ('::1', 161, 0, 0)),
                    (socket.AF_INET, 0, 0, '', ('127.0.0.1', 161)),
                ],
            )
        )
        device = mock.AsyncMock()
        self.useFixture(
            fixtures.MockPatch(
                'energy_meter.drivers.snmp.engine.find', return_value=device
            )
        )
        opened = session.Session(
            'pdu', 161, engine.Credentials('2c', 'secret'), '', 1.0, 0
        )

        opened.open()

        device.connect.assert_awaited_once_with(
            socket.AF_INET, ('127.0.0.1', 161), 1.0
        )

    def test_a_closed_session(self):
        asked = session.Session(
            '127.0.0.1', 161, engine.Credentials('2c', 'secret'), '', 1.0, 0
        )

        self.assertRaises(exception.ProtocolError, asked.get, [(1, 1)])
        asked.close()
