# SPDX-License-Identifier: Apache-2.0

"""Tables of the collector on real database servers."""

import concurrent.futures
import json
import random
import threading

from alembic import autogenerate
import alembic.migration
from oslo_config import cfg
from oslotest import base as test_base
import sqlalchemy as sa
import testscenarios

from energy_meter import conf as energy_meter_conf
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.billing import bill
from energy_meter.collector import metrics
from energy_meter.collector import outage
from energy_meter.collector import rejections
from energy_meter.collector import service
from energy_meter.collector import store
from energy_meter.collector import writer
from energy_meter.db import engine as db_engine
from energy_meter.db import histories
from energy_meter.db import migration
from energy_meter.db import schema
from energy_meter.telemetry import counters
from energy_meter.tests import series
from energy_meter.tests import unmeasured
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import mariadb
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.collector import limits

WRITERS, PROBES, MINUTES = 2, 40, 40
MINUTE_MS = 60_000


def measure(
    probe: int, elapsed: int, agent: str = 'a'
) -> measurement.Measurement:
    """Return a measurement of 1 W."""
    name = f'probe-{probe:04}'
    return measurement.Measurement(
        measurement.Series(
            measurement.Probe(name, 'node', name, 'w', 'dummy', agent),
            measurement.RegisterKey(agent, f'{probe:016x}'),
            None,
            True,
        ),
        agents.EPOCH + elapsed,
        elapsed,
        elapsed,
        elapsed,
        1.0,
    )


class DatabaseTest(testscenarios.WithScenarios, test_base.BaseTestCase):
    scenarios = (
        ('postgresql', {'server': postgresql.PostgreSQL}),
        ('mariadb', {'server': mariadb.MariaDB}),
    )

    def setUp(self) -> None:
        super().setUp()
        self.conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(self.conf)
        self.conf([], default_config_files=[])
        self.conf.set_override(
            'connection',
            base.shared(self.server).create_database(),
            'database',
        )
        self.engine = db_engine.connect(self.conf)
        self.addCleanup(self.engine.dispose)
        migration.sync(self.engine)
        self.counters = counters.Counters(metrics.COUNTERS)
        self.writer = writer.Writer(
            self.engine,
            threading.Event(),
            self.counters,
            rejections.Rejections(self.counters),
            log_throttle.ThrottledLogger(service.LOG),
            limits.make(),
            outage.DatabaseOutage(self.counters),
        )

    def bills(self) -> dict[str, int]:
        """Return what is billed of each probe, whatever was settled."""
        with self.engine.connect() as connection:
            probes = connection.scalars(sa.select(schema.probe.c.id)).all()
            known = histories.load(connection, probes)
        return {
            name: bill.bill(registers).total.millijoules
            for name, registers in known.items()
        }


class SchemaTest(DatabaseTest):
    def test_revisions_create_the_tables_of_the_code(self):
        with self.engine.connect() as connection:
            context = alembic.migration.MigrationContext.configure(
                connection, opts={'compare_type': True}
            )
            self.assertEqual(
                [], autogenerate.compare_metadata(context, schema.metadata)
            )

    def test_clock_counts_milliseconds_since_the_epoch(self):
        with self.engine.connect() as connection:
            first, second = (db_engine.now(connection) for _ in range(2))
        self.assertIsInstance(first, int)
        self.assertGreaterEqual(second, first)
        self.assertLess(second - first, 60_000)
        self.assertGreater(first, 1_700_000_000_000)

    def test_tables_agree_with_rules(self):
        self.useFixture(unmeasured.Unmeasured())
        for seed in range(15):
            databases.assert_tables_agree_with_rules(self.engine, seed)

    def test_only_the_rejected_row_is_quarantined(self):
        measurements = [measure(probe, 1000) for probe in range(8)]
        bad = measurements[5].probe._replace(scope='s' * 33)
        measurements[5] = series.change(measurements[5], probe=bad)

        self.writer.write(measurements)

        self.assertEqual(7, len(self.bills()))
        self.assertEqual(1, self.counters.value('measurements_quarantined'))
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(schema.quarantine)).all()
        self.assertIn('probe-0005', rows[0].measurement)


class PoisonTest(test_base.BaseTestCase):
    """Measurements that a server never takes, with misleading errors."""

    def write(
        self, url: str, *measurements: measurement.Measurement
    ) -> tuple[set[str], list[str]]:
        """Write a batch; return the probes stored and those rejected."""
        engine = sa.create_engine(url)
        self.addCleanup(engine.dispose)
        migration.sync(engine)
        counts = counters.Counters(metrics.COUNTERS)
        writer.Writer(
            engine,
            threading.Event(),
            counts,
            rejections.Rejections(counts),
            log_throttle.ThrottledLogger(service.LOG),
            limits.make(),
            outage.DatabaseOutage(counts),
        ).write(list(measurements))
        with engine.connect() as connection:
            stored = connection.scalars(sa.select(schema.probe.c.id))
            quarantine = sa.select(schema.quarantine.c.measurement)
            rejected = map(json.loads, connection.scalars(quarantine))
            return set(stored), [received[0][0] for received in rejected]

    def test_name_that_the_encoding_lacks_costs_only_its_probe(self):
        server = base.shared(postgresql.PostgreSQL)
        server.execute(
            "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' "
            'TEMPLATE template0'
        )
        measurements = [measure(probe, 1000) for probe in range(4)]
        kitchen = measurements[2].probe._replace(id='Küche')
        measurements[2] = series.change(measurements[2], probe=kitchen)

        stored, rejected = self.write(
            server.database_url('ascii') + '?client_encoding=utf8',
            *measurements,
        )

        self.assertEqual({'probe-0000', 'probe-0001', 'probe-0003'}, stored)
        self.assertEqual(['Küche'], rejected)

    def test_batch_that_exceeds_a_packet_is_written_in_parts(self):
        server = base.shared(mariadb.MariaDB)
        url = server.create_database()
        server.execute('SET GLOBAL max_allowed_packet = 65536')
        self.addCleanup(
            server.execute, 'SET GLOBAL max_allowed_packet = 16777216'
        )

        stored, rejected = self.write(
            url, *(measure(probe, 1000) for probe in range(1000))
        )

        self.assertEqual(1000, len(stored))
        self.assertEqual([], rejected)


class ConcurrentTest(DatabaseTest):
    """Several transactions at the same time."""

    def settle_all(self) -> None:
        databases.settle(self.engine, agents.EPOCH + 10**8)
        databases.assert_settled(self.engine, 'after all')

    def test_stalled_batch_is_settled_after_it(self):
        # Given a settled standby pair,
        pair = [measure(1, MINUTE_MS, agent) for agent in 'ab']
        databases.deliver(self.engine, pair, agents.EPOCH + MINUTE_MS)
        self.settle_all()

        # a batch that stalls before it ends, and a settling meanwhile,
        db_now = agents.EPOCH + 2 * MINUTE_MS
        with db_engine.writing(self.engine) as stalled:
            later = [measure(1, 2 * MINUTE_MS, agent) for agent in 'ab']
            store.write(stalled, later, db_now)
            self.assertEqual(set(), databases.settle(self.engine, db_now))

        # then the next settling sees all of it.
        self.assertIn('probe-0001', databases.settle(self.engine, db_now))
        databases.assert_settled(self.engine, 'stalled')

    def test_stalled_batch_delays_only_its_probes(self):
        pairs = [
            measure(probe, MINUTE_MS, agent)
            for probe in (1, 2)
            for agent in 'ab'
        ]
        databases.deliver(self.engine, pairs, agents.EPOCH + MINUTE_MS)
        db_now = agents.EPOCH + 2 * MINUTE_MS
        with db_engine.writing(self.engine) as stalled:
            store.write(stalled, [measure(1, 2 * MINUTE_MS)], db_now)
            settled = databases.settle(self.engine, db_now)
        self.assertEqual({'probe-0002'}, set(settled))
        self.settle_all()

    def test_register_added_by_a_stalled_batch_is_settled_after_it(self):
        # Given a probe that is contested, and a batch with another register,
        pair = [measure(1, MINUTE_MS, agent) for agent in 'ab']
        databases.deliver(self.engine, pair, agents.EPOCH + MINUTE_MS)
        db_now = agents.EPOCH + 2 * MINUTE_MS
        other = measure(1, MINUTE_MS, 'c')
        written = threading.Event()
        go_on = threading.Event()
        real = store.marks.insert

        def insert(*args: object) -> None:
            written.set()
            self.assertTrue(go_on.wait(60))
            real(*args)

        self.patch(store.marks, 'insert', insert)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            batch = pool.submit(
                databases.deliver, self.engine, [other], db_now
            )
            self.assertTrue(written.wait(60))

            # when the probe is settled before the batch contests it,
            self.assertIn('probe-0001', databases.settle(self.engine, db_now))
            databases.assert_settled(self.engine, 'without the register')
            go_on.set()
            batch.result()

        # then it is contested again.
        self.assertIn('probe-0001', databases.settle(self.engine, db_now))
        databases.assert_settled(self.engine, 'with the register')

    def test_two_collectors_lose_no_update(self):
        """Write all from each, in other orders, while both settle."""
        measurements = [
            received
            for probe in range(PROBES)
            for agent in 'ab'
            for received in self.history(probe, agent)
        ]
        arrival = agents.EPOCH + MINUTES * MINUTE_MS

        def deliver(seed: int) -> None:
            generator = random.Random(seed)
            mine = generator.sample(measurements, len(measurements))
            for start in range(0, len(mine), PROBES):
                self.writer.write(mine[start : start + PROBES])

        def settle() -> None:
            while not finished.is_set():
                databases.settle(self.engine, arrival)

        self.patch(db_engine, 'now', lambda connection: arrival)
        finished = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(2 * WRITERS) as pool:
            settling = [pool.submit(settle) for _ in range(WRITERS)]
            try:
                list(pool.map(deliver, range(WRITERS)))
            finally:
                finished.set()
            for future in settling:
                future.result()
        self.settle_all()

        self.assertEqual(0, self.counters.value('measurements_quarantined'))
        self.assertEqual(0, self.counters.value('write_retries'))
        self.assertEqual(
            dict.fromkeys(
                (f'probe-{probe:04}' for probe in range(PROBES)),
                MINUTES * MINUTE_MS,
            ),
            self.bills(),
        )

    def history(self, probe: int, agent: str) -> list[measurement.Measurement]:
        """Return measurements of each minute, and marks."""
        received = [
            measure(probe, minute * MINUTE_MS, agent)
            for minute in range(1, MINUTES + 1)
        ]
        marks = [
            measure(probe, elapsed, agent)._replace(watts=None, is_mark=True)
            for elapsed in range(900_000, MINUTES * MINUTE_MS, 900_000)
        ]
        return received + marks
