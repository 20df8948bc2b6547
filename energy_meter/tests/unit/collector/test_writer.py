# SPDX-License-Identifier: Apache-2.0


"""Batches reach the database whatever happens to it."""

import collections
import json
import threading
import typing

import fixtures
from oslo_db import exception as db_exception
import sqlalchemy as sa

from energy_meter import complaint
from energy_meter import counters
from energy_meter import measurement
from energy_meter.bus import listener
from energy_meter.collector import store
from energy_meter.collector import writer
from energy_meter.db import schema
from energy_meter.tests.unit.db import base as db_base

AWAY = db_exception.DBConnectionError()
REFUSED = db_exception.DBDataError()


def word(probe: str, **changes: typing.Any) -> measurement.Measurement:
    return measurement.Measurement(
        measurement.Probe(probe, 'node', probe, 'w', 'dummy', 'agent'),
        measurement.RegisterKey('agent-a', 'a1', 1),
        1000.0,
        10.0,
        5,
        10.0,
    )._replace(**changes)


class WriterTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.stopping = threading.Event()
        self.counters = counters.Counters()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.writer = writer.Writer(
            self.engine,
            60.0,
            self.stopping,
            self.counters,
            complaint.Complaints(writer.LOG),
        )

    def interrupt(self, *outcomes: Exception | None) -> None:
        """Let the next writes fail so; None for one that does not."""
        rest, real = list(outcomes), store.write

        def write(*args: typing.Any) -> store.Tally:
            outcome = rest.pop(0) if rest else None
            if outcome is not None:
                raise outcome
            return real(*args)

        self.useFixture(fixtures.MockPatchObject(store, 'write', write))

    def refuse(self, error: Exception, *probes: str) -> None:
        """Let the database refuse all batches with these probes."""
        real = store.write

        def write(
            connection: sa.Connection,
            words: list[measurement.Measurement],
            *args: typing.Any,
        ) -> store.Tally:
            if {word.probe.id for word in words} & set(probes):
                raise error
            return real(connection, words, *args)

        self.useFixture(fixtures.MockPatchObject(store, 'write', write))

    def stored(self) -> set[str]:
        with self.engine.connect() as connection:
            return set(connection.scalars(sa.select(schema.probe.c.id)))

    def quarantine(self) -> list[typing.Any]:
        with self.engine.connect() as connection:
            return [
                (row.reason, json.loads(row.measurement)[0][0])
                for row in connection.execute(sa.select(schema.quarantine))
            ]


class DatabaseAwayTest(WriterTest):
    def test_batch_is_held_until_the_database_is_back(self):
        self.interrupt(AWAY, AWAY)
        self.writer.write([word('a'), word('b')])
        self.assertEqual({'a', 'b'}, self.stored())
        self.assertEqual(2, self.counters.value('write_failures'))
        self.assertEqual(
            2, self.counters.value('outcomes', outcome='credited')
        )

    def test_outage_and_its_end_are_told_once(self):
        self.interrupt(AWAY, AWAY, AWAY)
        self.writer.write([word('a')])
        self.writer.write([word('a')])
        self.assertEqual(1, self.log.output.count('does not take a batch'))
        self.assertEqual(1, self.log.output.count('is back'))

    def test_batch_goes_back_when_the_service_stops_meanwhile(self):
        self.interrupt(*[AWAY] * 1000)
        real = self.counters.count

        def count(name: str, **labels: str) -> None:
            real(name, **labels)
            self.stopping.set()

        self.useFixture(
            fixtures.MockPatchObject(self.counters, 'count', count)
        )
        self.assertRaises(listener.Stopping, self.writer.write, [word('a')])

    def test_batch_goes_back_when_the_service_has_stopped(self):
        self.stopping.set()
        self.assertRaises(listener.Stopping, self.writer.write, [word('a')])
        self.assertEqual(set(), self.stored())

    def test_fault_of_the_program_is_not_tried_again(self):
        self.interrupt(KeyError('fault'))
        self.assertRaises(KeyError, self.writer.write, [word('a')])


class RefusedTest(WriterTest):
    def test_only_the_refused_measurement_is_left_out(self):
        self.refuse(REFUSED, 'c')
        self.writer.write([word(probe) for probe in 'abcdefg'])
        self.assertEqual(set('abdefg'), self.stored())
        self.assertEqual([('DBDataError', 'c')], self.quarantine())
        self.assertEqual(1, self.counters.value('quarantined'))
        self.assertEqual(0, self.counters.value('write_failures'))

    def test_each_refused_measurement_is_found(self):
        self.refuse(REFUSED, 'a', 'b', 'g')
        self.writer.write([word(probe) for probe in 'abcdefg'])
        self.assertEqual(set('cdef'), self.stored())
        self.assertEqual(
            ['a', 'b', 'g'], sorted(probe for _, probe in self.quarantine())
        )

    def test_error_that_oslo_db_does_not_know_is_a_refusal_too(self):
        self.refuse(
            db_exception.DBError(sa.exc.DataError('', {}, Exception())), 'a'
        )
        self.writer.write([word('a'), word('b')])
        self.assertEqual([('DBError', 'a')], self.quarantine())

    def test_refused_measurement_goes_back_when_the_service_stops(self):
        self.refuse(REFUSED, 'a')

        def quarantine(*_: object) -> None:
            self.stopping.set()
            raise AWAY

        self.useFixture(
            fixtures.MockPatchObject(self.writer, '_quarantine', quarantine)
        )
        self.assertRaises(listener.Stopping, self.writer.write, [word('a')])


class ReportTest(WriterTest):
    def test_measurement_of_the_future_is_counted(self):
        self.writer.write([word('a', time=2.0**40)])
        self.assertEqual(1, self.counters.value('future'))
        self.assertIn('in the future: its clock', self.log.output)

    def test_excluded_agent_that_still_speaks_is_told_once(self):
        with self.engine.begin() as connection:
            connection.execute(
                schema.exclusion.insert().values(agent='agent-a', at=0.0)
            )
        self.writer.write([word('p'), word('q')])
        self.assertEqual(
            2, self.counters.value('outcomes', outcome='excluded')
        )
        self.assertEqual(
            1, self.log.output.count('Agent agent, uuid agent-a, was excluded')
        )

    def test_probe_that_two_agents_meter_is_told(self):
        other = measurement.RegisterKey('agent-b', 'b1', 1)
        self.writer.write([word('a')])
        self.writer.write([word('a', register=other)])
        self.assertIn('Probe a is metered by two agents', self.log.output)
        billed = collections.Counter(self.counters.totals())
        self.assertEqual(1, billed['outcomes (credited)'])
