# SPDX-License-Identifier: Apache-2.0

"""Writer of batches, with database outages and invalid rows."""

import json
import threading
import time
import typing

import fixtures
from oslo_db import exception as db_exception
import sqlalchemy as sa

from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.bus import listener
from energy_meter.collector import metrics
from energy_meter.collector import rejections
from energy_meter.collector import store
from energy_meter.collector import writer
from energy_meter.db import schema
from energy_meter.telemetry import counters
from energy_meter.tests.unit.collector import limits
from energy_meter.tests.unit.db import base as db_base

UNAVAILABLE = db_exception.DBConnectionError()
INVALID = db_exception.DBDataError()


def measure(probe: str, **changes: typing.Any) -> measurement.Measurement:
    return measurement.Measurement(
        measurement.Probe(probe, 'node', probe, 'w', 'dummy', 'agent'),
        measurement.RegisterKey('agent-a', 'a1'),
        None,
        True,
        round(time.time() * 1000),
        10_000,
        5,
        10_000,
    )._replace(**changes)


class WriterTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.stopping = threading.Event()
        self.counters = counters.Counters(metrics.COUNTERS)
        self.rejections = rejections.Rejections(self.counters)
        self.log = self.useFixture(fixtures.FakeLogger())
        self.writer = writer.Writer(
            self.engine,
            self.stopping,
            self.counters,
            self.rejections,
            log_throttle.ThrottledLogger(writer.LOG),
            limits.make(),
        )

    def fail_writes(self, *errors: Exception) -> None:
        """Fail the next writes with these errors."""
        remaining, real = list(errors), store.write

        def write(*args: typing.Any) -> store.BatchResult:
            if remaining:
                raise remaining.pop(0)
            return real(*args)

        self.useFixture(fixtures.MockPatchObject(store, 'write', write))

    def reject(self, error: Exception, *probes: str) -> None:
        """Reject all batches that contain any of these probes."""
        real = store.write

        def write(
            connection: sa.Connection,
            measurements: list[measurement.Measurement],
            *args: typing.Any,
        ) -> store.BatchResult:
            ids = {received.probe.id for received in measurements}
            if not ids.isdisjoint(probes):
                raise error
            return real(connection, measurements, *args)

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


class DatabaseUnavailableTest(WriterTest):
    def test_batch_is_retried_until_the_database_is_available(self):
        self.fail_writes(UNAVAILABLE, UNAVAILABLE)
        self.writer.write([measure('a'), measure('b')])
        self.assertEqual({'a', 'b'}, self.stored())
        self.assertEqual(2, self.counters.value('write_retries'))
        self.assertEqual(
            2, self.counters.value('measurements_merged', outcome='merged')
        )

    def test_outage_and_recovery_are_logged_once(self):
        self.fail_writes(UNAVAILABLE, UNAVAILABLE, UNAVAILABLE)
        self.writer.write([measure('a')])
        self.writer.write([measure('a')])
        self.assertEqual(1, self.log.output.count('Cannot write a batch'))
        self.assertEqual(1, self.log.output.count('connection restored'))

    def test_batch_is_returned_when_the_service_stops_meanwhile(self):
        self.fail_writes(*[UNAVAILABLE] * 1000)
        real = self.counters.count

        def count(name: str, **labels: str) -> None:
            real(name, **labels)
            self.stopping.set()

        self.useFixture(
            fixtures.MockPatchObject(self.counters, 'count', count)
        )
        self.assertRaises(listener.Stopping, self.writer.write, [measure('a')])

    def test_batch_is_returned_when_the_service_has_stopped(self):
        self.stopping.set()
        self.assertRaises(listener.Stopping, self.writer.write, [measure('a')])
        self.assertEqual(set(), self.stored())

    def test_programming_error_is_not_retried(self):
        self.fail_writes(KeyError('bug'))
        self.assertRaises(KeyError, self.writer.write, [measure('a')])


class RejectedTest(WriterTest):
    def test_only_the_rejected_measurement_is_quarantined(self):
        self.reject(INVALID, 'c')
        self.writer.write([measure(probe) for probe in 'abcdefg'])
        self.assertEqual(set('abdefg'), self.stored())
        self.assertEqual([('DBDataError', 'c')], self.quarantine())
        self.assertEqual(1, self.counters.value('measurements_quarantined'))
        self.assertEqual(0, self.counters.value('write_retries'))

    def test_each_rejected_measurement_is_quarantined(self):
        self.reject(INVALID, 'a', 'b', 'g')
        self.writer.write([measure(probe) for probe in 'abcdefg'])
        self.assertEqual(set('cdef'), self.stored())
        self.assertEqual(
            ['a', 'b', 'g'], sorted(probe for _, probe in self.quarantine())
        )

    def test_data_error_that_oslo_db_does_not_convert_is_a_rejection(self):
        self.reject(
            db_exception.DBError(sa.exc.DataError('', {}, Exception())), 'a'
        )
        self.writer.write([measure('a'), measure('b')])
        self.assertEqual([('DBError', 'a')], self.quarantine())

    def test_rejected_measurement_is_returned_when_the_service_stops(self):
        self.reject(INVALID, 'a')

        def insert(*_: object) -> None:
            self.stopping.set()
            raise UNAVAILABLE

        self.useFixture(
            fixtures.MockPatchObject(
                self.writer, '_insert_quarantined', insert
            )
        )
        self.assertRaises(listener.Stopping, self.writer.write, [measure('a')])


class ReportTest(WriterTest):
    def test_timestamp_in_the_future_is_counted_and_logged(self):
        self.writer.write([measure('a', timestamp=2**50)])
        self.assertEqual(1, self.counters.value('measurements_clamped'))
        self.assertIn('ahead of the database; check NTP', self.log.output)

    def test_disabled_agent_that_still_publishes_is_logged_once(self):
        with self.engine.begin() as connection:
            connection.execute(
                schema.disabled_agent.insert().values(
                    agent='agent-a', created_at=0
                )
            )
        self.writer.write([measure('p'), measure('q')])
        self.assertEqual(
            2,
            self.counters.value(
                'measurements_merged', outcome='agent_disabled'
            ),
        )
        self.assertEqual(
            1,
            self.log.output.count(
                'Rejected measurements from agent agent: the agent is disabled'
            ),
        )

    def test_registers_beyond_a_quota_are_counted_and_logged_once(self):
        self.writer._limits = limits.make(max_agent_probes=1)

        for probe in 'pqr':
            self.writer.write([measure(probe)])
        self.rejections.save(self.engine)

        self.assertEqual({'p'}, self.stored())
        self.assertEqual(
            1, self.log.output.count('[collector] max_agent_probes')
        )
        table = schema.rejection.c
        with self.engine.connect() as connection:
            self.assertEqual(
                [('agent', 2)],
                connection.execute(
                    sa.select(table.agent, table.count).where(
                        table.reason == 'probe_quota'
                    )
                ).all(),
            )

    def test_rejections_are_counted_by_agent(self):
        # Given a register that ended long ago, and one that is void,
        expired = measure('p', timestamp=1)
        self.writer.write([measure('q', timestamp=2**50)])
        with self.engine.begin() as connection:
            connection.execute(schema.register.update().values(voided=True))

        # when they arrive,
        self.writer.write([expired, measure('q', timestamp=2**50)])
        self.rejections.save(self.engine)

        # then an operator sees which agent sent them.
        table = schema.rejection.c
        with self.engine.connect() as connection:
            rejected = connection.execute(
                sa.select(table.reason, table.count).where(
                    table.agent == 'agent'
                )
            )
            self.assertEqual(
                [('expired', 1), ('void', 1)], sorted(map(tuple, rejected))
            )
