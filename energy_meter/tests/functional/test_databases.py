# SPDX-License-Identifier: Apache-2.0

"""Tables of the collector on real database servers."""

import concurrent.futures
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
from energy_meter.collector import administration
from energy_meter.collector import housekeeping
from energy_meter.collector import merge
from energy_meter.collector import metrics
from energy_meter.collector import rejections
from energy_meter.collector import service
from energy_meter.collector import writer
from energy_meter.db import engine as db_engine
from energy_meter.db import migration
from energy_meter.db import schema
from energy_meter.telemetry import counters
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import mariadb
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.unit.collector import databases

WRITERS, PROBES, ROUNDS = 4, 200, 25


def measure(
    probe: int, millijoules: int, agent: str = 'a', opened_at: float = 0.0
) -> measurement.Measurement:
    name = f'probe-{probe:04}'
    return measurement.Measurement(
        measurement.Probe(name, 'node', name, 'w', 'dummy', 'agent'),
        measurement.RegisterKey(agent, f'{probe:016x}', 1),
        opened_at + millijoules,
        float(millijoules),
        millijoules,
        float(millijoules),
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

    def total(self) -> int:
        with self.engine.connect() as connection:
            return int(
                connection.scalar(
                    sa.select(sa.func.sum(schema.probe.c.millijoules))
                )
            )

    def test_revisions_create_the_tables_of_the_code(self):
        with self.engine.connect() as connection:
            context = alembic.migration.MigrationContext.configure(
                connection, opts={'compare_type': True}
            )
            self.assertEqual(
                [], autogenerate.compare_metadata(context, schema.metadata)
            )

    def test_tables_agree_with_rules(self):
        for seed in range(10):
            databases.assert_tables_agree_with_rules(self.engine, seed)

    def test_agent_can_be_disabled_and_enabled(self):
        databases.assert_agent_can_be_disabled(self.engine)

    def test_rejections_are_added(self):
        counts = counters.Counters(metrics.COUNTERS)
        saved = rejections.Rejections(counts)
        for _ in range(2):
            counts.count('measurements_clamped', 3)
            saved.save(self.engine)
        table = schema.rejection
        with self.engine.connect() as connection:
            self.assertEqual(
                [('measurements_clamped', 6)],
                connection.execute(
                    sa.select(table.c.reason, table.c.count)
                ).all(),
            )

    def test_probe_is_deleted_with_an_audit_entry(self):
        databases.deliver(self.engine, [measure(1, 100)], db_now=1000.0)
        with self.engine.begin() as connection:
            administration.delete_probe(connection, 'probe-0001', 'operator')
        table = schema.audit
        with self.engine.connect() as connection:
            self.assertEqual(
                [('operator', 'delete probe probe-0001: 100 mJ')],
                connection.execute(
                    sa.select(table.c.username, table.c.action).where(
                        table.c.created_at > 0
                    )
                ).all(),
            )

    def test_clock_counts_seconds_since_the_epoch(self):
        with self.engine.connect() as connection:
            first, second = (db_engine.now(connection) for _ in range(2))
        self.assertGreater(second, first)
        self.assertLess(second - first, 60)
        self.assertGreater(first, 1.7e9)

    def test_concurrent_writers_bill_every_register_once(self):
        """Write all measurements from every writer, in different orders."""

        def deliver(seed: int) -> float:
            counts = counters.Counters(metrics.COUNTERS)
            generator = random.Random(seed)
            target = writer.Writer(
                self.engine,
                60.0,
                threading.Event(),
                counts,
                log_throttle.ThrottledLogger(service.LOG),
            )
            measurements = [
                measure(probe, 100 * step, agent, opened_at)
                for probe in range(PROBES)
                for step in range(1, ROUNDS)
                for agent, opened_at in (('a', 0.0), ('b', 5000.0))
            ]
            generator.shuffle(measurements)
            for start in range(0, len(measurements), PROBES):
                target.write(
                    merge.newest(measurements[start : start + PROBES])
                )
            return counts.value('measurements_quarantined')

        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            quarantined = list(pool.map(deliver, range(WRITERS)))
        self.assertEqual([0.0] * WRITERS, quarantined)
        self.assertEqual(PROBES * 2 * 100 * (ROUNDS - 1), self.total())

    def test_only_the_rejected_row_is_quarantined(self):
        counts = counters.Counters(metrics.COUNTERS)
        target = writer.Writer(
            self.engine,
            60.0,
            threading.Event(),
            counts,
            log_throttle.ThrottledLogger(service.LOG),
        )
        measurements = [measure(probe, 100) for probe in range(8)]
        bad = measurements[5].probe._replace(scope='s' * 33)
        measurements[5] = measurements[5]._replace(probe=bad)
        target.write(measurements)
        self.assertEqual(700, self.total())
        self.assertEqual(1, counts.value('measurements_quarantined'))
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(schema.quarantine)).all()
        self.assertIn('probe-0005', rows[0].measurement)

    def test_measurements_of_folded_registers_are_rejected(self):
        databases.deliver(self.engine, [measure(1, 100)], db_now=1000.0)
        databases.deliver(self.engine, [measure(1, 100, 'b', 5000.0)], 6000.0)
        with self.engine.begin() as connection:
            self.assertEqual(1, housekeeping.fold(connection, 30))
        result = databases.deliver(self.engine, [measure(1, 200)], 6001.0)
        self.assertEqual({'stale_incarnation': 1}, result.outcomes)
        self.assertEqual(200, self.total())
