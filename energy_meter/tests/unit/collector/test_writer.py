# SPDX-License-Identifier: Apache-2.0

"""Writer of batches, with database outages and invalid rows."""

import itertools
import json
import re
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
from energy_meter.collector import outage
from energy_meter.collector import rejections
from energy_meter.collector import store
from energy_meter.collector import writer
from energy_meter.db import schema
from energy_meter.telemetry import counters
from energy_meter.tests import series
from energy_meter.tests import usages
from energy_meter.tests.unit.collector import limits
from energy_meter.tests.unit.db import base as db_base

HARMLESS = 'energy_meter-harmless'
UNAVAILABLE = db_exception.DBConnectionError()
INVALID = db_exception.DBDataError()


def measure(probe: str, **changes: typing.Any) -> measurement.Measurement:
    return series.change(
        measurement.Measurement(
            measurement.Series(
                measurement.Probe(probe, 'node', probe, 'w', 'dummy', 'agent'),
                measurement.RegisterKey('agent-a', 'a1'),
                None,
                True,
            ),
            round(time.time() * 1000),
            10_000,
            5,
            10_000,
        ),
        **changes,
    )


class WriterTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        for name in ('_INITIAL_BACKOFF_S', '_MAX_BACKOFF_S'):
            self.useFixture(fixtures.MockPatchObject(writer, name, 0.001))
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
            outage.DatabaseOutage(self.counters),
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
        self.assertEqual(
            [
                'Cannot write to the database (DBConnectionError); '
                'measurements stay in the queue of the bus',
                'Can write to the database again after some s; measurements '
                'held: 1',
            ],
            re.sub(r'\d+ s', 'some s', self.log.output).splitlines(),
        )
        self.assertEqual(1, self.counters.value('outages', peer='database'))

    def test_deadlock_is_no_outage(self):
        self.fail_writes(db_exception.DBDeadlock())

        self.writer.write([measure('a')])

        self.assertEqual(0, self.counters.value('outages', peer='database'))
        self.assertEqual('', self.log.output)

    def test_batch_is_returned_when_the_service_stops_meanwhile(self):
        self.fail_writes(*[UNAVAILABLE] * 1000)
        real = self.counters.count

        def count(name: str, by: float = 1, **labels: str) -> None:
            real(name, by, **labels)
            self.stopping.set()

        self.useFixture(
            fixtures.MockPatchObject(self.counters, 'count', count)
        )
        self.assertRaises(listener.Stopping, self.writer.write, [measure('a')])

    def test_batch_is_returned_when_the_service_has_stopped(self):
        self.stopping.set()
        self.assertRaises(listener.Stopping, self.writer.write, [measure('a')])
        self.assertEqual(set(), self.stored())

    def test_programming_error_of_all_measurements_is_raised(self):
        self.fail_writes(*[KeyError('bug')] * 10)
        self.assertRaises(KeyError, self.writer.write, [measure('a')])
        self.assertEqual([], self.quarantine())

    def test_outage_that_ends_during_observation_rejects_nothing(self):
        # Given a database that fails to write anything for a while,
        for failures in range(1, 15):
            self.fail_writes(*[UNAVAILABLE] * failures)

            # when it is back, then what it has failed to write is written.
            self.writer.write([measure(f'p{failures}'), measure('a')])
            self.assertIn(f'p{failures}', self.stored())
        self.assertEqual([], self.quarantine())

    def test_outage_that_begins_during_observation_rejects_nothing(self):
        # Given a database that writes something harmless,
        real = store.write
        calls = itertools.count()

        def write(
            connection: sa.Connection,
            measurements: list[measurement.Measurement],
            *args: typing.Any,
        ) -> store.BatchResult:
            is_harmless = measurements[0].probe.id == HARMLESS
            if next(calls) < 40 and not (
                is_harmless and self.harmless_succeeds()
            ):
                raise UNAVAILABLE
            return real(connection, measurements, *args)

        harmless = itertools.cycle([True, False])
        self.harmless_succeeds = lambda: next(harmless)
        self.useFixture(fixtures.MockPatchObject(store, 'write', write))

        # when it fails afterwards until it is back,
        self.writer.write([measure('a'), measure('b')])

        # then nothing is quarantined, and the harmless probe is not stored.
        self.assertEqual({'a', 'b'}, self.stored())
        self.assertEqual([], self.quarantine())


class RejectedTest(WriterTest):
    def test_only_the_rejected_measurement_is_quarantined(self):
        self.reject(INVALID, 'c')
        self.writer.write([measure(probe) for probe in 'abcdefg'])
        self.assertEqual(set('abdefg'), self.stored())
        self.assertEqual([('DBDataError', 'c')], self.quarantine())
        self.assertEqual(1, self.counters.value('measurements_quarantined'))
        self.assertEqual(0, self.counters.value('write_retries'))

    def test_measurement_with_many_instances_is_quarantined(self):
        self.reject(INVALID, 'c')
        usage = usages.usage(*range(1000))

        self.writer.write([measure('c')._replace(usage=usage)])

        self.assertEqual([('DBDataError', 'c')], self.quarantine())
        with self.engine.connect() as connection:
            (stored,) = connection.scalars(
                sa.select(schema.quarantine.c.measurement)
            )
        self.assertLess(len(stored), 1000)

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


class LivenessTest(WriterTest):
    """A measurement that the database never takes, whatever the error."""

    def test_no_class_of_errors_stops_other_measurements(self):
        cause = Exception('(2006) gone away')
        errors: list[Exception] = [
            db_exception.DBConnectionError(),
            db_exception.DBDataError(),
            db_exception.DBError(),
            db_exception.DBError(sa.exc.DataError('', {}, cause)),
            db_exception.DBError(sa.exc.InternalError('', {}, cause)),
            db_exception.DBDuplicateEntry(),
            db_exception.DBInvalidUnicodeParameter(),
            db_exception.DBNotSupportedError(),
            sa.exc.DataError('', {}, cause),
            sa.exc.DBAPIError('', {}, cause),
            sa.exc.InterfaceError('', {}, cause),
            sa.exc.InternalError('', {}, cause),
            sa.exc.OperationalError('', {}, cause),
            sa.exc.ProgrammingError('', {}, cause),
            sa.exc.StatementError('', '', {}, cause),
            sa.exc.TimeoutError(),
            KeyError('bug'),
            OverflowError('int too large'),
            UnicodeEncodeError('ascii', 'ü', 0, 1, ''),
            RecursionError(),
        ]
        for number, error in enumerate(errors):
            names = [f'{number}-{letter}' for letter in 'abcdefg']
            with fixtures.MockPatchObject(store, 'write', store.write):
                self.reject(error, names[2])
                self.writer.write([measure(name) for name in names])

            self.assertEqual(
                {*names} - {names[2]}, self.stored() & {*names}, error
            )
            self.assertEqual(names[2], self.quarantine()[-1][1], error)
        self.assertEqual(len(errors), len(self.quarantine()))
        self.assertNotIn(HARMLESS, self.stored())

    def test_deadlock_rejects_nothing(self):
        self.fail_deadlocks(30)

        self.writer.write([measure('a')])

        self.assertEqual({'a'}, self.stored())
        self.assertEqual([], self.quarantine())

    def fail_deadlocks(self, count: int) -> None:
        """Fail writes that are not harmless."""
        remaining, real = [db_exception.DBDeadlock()] * count, store.write

        def write(
            connection: sa.Connection,
            measurements: list[measurement.Measurement],
            *args: typing.Any,
        ) -> store.BatchResult:
            if remaining and measurements[0].probe.id != HARMLESS:
                raise remaining.pop()
            return real(connection, measurements, *args)

        self.useFixture(fixtures.MockPatchObject(store, 'write', write))

    def test_quarantine_is_bounded(self):
        self.useFixture(
            fixtures.MockPatchObject(writer, '_MAX_QUARANTINED', 3)
        )
        self.reject(INVALID, *'abcdef')

        self.writer.write([measure(probe) for probe in 'abcdefg'])

        self.assertEqual(3, len(self.quarantine()))
        self.assertEqual({'g'}, self.stored())
        self.assertEqual(6, self.counters.value('measurements_quarantined'))

    def test_batch_is_cut_by_the_size_of_its_names(self):
        sizes = []
        real = store.write

        def write(
            connection: sa.Connection,
            measurements: list[measurement.Measurement],
            *args: typing.Any,
        ) -> store.BatchResult:
            sizes.append(len(measurements))
            return real(connection, measurements, *args)

        self.useFixture(fixtures.MockPatchObject(store, 'write', write))
        self.useFixture(
            fixtures.MockPatchObject(writer, '_MAX_NAME_BYTES', 1000)
        )

        self.writer.write([measure('a' * 100)] * 10 + [measure('ü' * 100)] * 2)

        self.assertEqual(12, sum(sizes))
        self.assertEqual([5, 5, 1, 1], sizes)


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
