# SPDX-License-Identifier: Apache-2.0

"""The collector's tables on real database servers."""

import concurrent.futures
import random
import threading

from alembic import autogenerate
import alembic.migration
from oslo_config import cfg
from oslotest import base as test_base
import sqlalchemy as sa
import testscenarios

from energy_meter import complaint
from energy_meter import conf as energy_meter_conf
from energy_meter import counters
from energy_meter import measurement
from energy_meter.collector import housekeeping
from energy_meter.collector import merge
from energy_meter.collector import service
from energy_meter.collector import writer
from energy_meter.db import engine as db_engine
from energy_meter.db import migration
from energy_meter.db import schema
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import mariadb
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.unit.collector import databases

WRITERS, PROBES, ROUNDS = 4, 200, 25


def word(
    probe: int, millijoules: int, agent: str = 'a', began: float = 0.0
) -> measurement.Measurement:
    name = f'probe-{probe:04}'
    return measurement.Measurement(
        measurement.Probe(name, 'node', name, 'w', 'dummy', 'agent'),
        measurement.RegisterKey(agent, f'{probe:016x}', 1),
        began + millijoules,
        float(millijoules),
        millijoules,
        float(millijoules),
        1.0,
    )


class DatabaseTest(testscenarios.WithScenarios, test_base.BaseTestCase):
    scenarios = [
        ('postgresql', {'server': postgresql.PostgreSQL}),
        ('mariadb', {'server': mariadb.MariaDB}),
    ]

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

    def test_migrations_make_the_schema(self):
        with self.engine.connect() as connection:
            context = alembic.migration.MigrationContext.configure(
                connection, opts={'compare_type': True}
            )
            self.assertEqual(
                [], autogenerate.compare_metadata(context, schema.metadata)
            )

    def test_tables_agree_with_the_rules(self):
        for seed in range(10):
            databases.agrees_with_the_rules(self.engine, seed)

    def test_agent_is_excluded_and_readmitted(self):
        databases.excludes_an_agent(self.engine)

    def test_its_clock_is_in_seconds(self):
        with self.engine.connect() as connection:
            first, second = (db_engine.now(connection) for _ in range(2))
        self.assertGreater(second, first)
        self.assertLess(second - first, 60)
        self.assertGreater(first, 1.7e9)

    def test_four_writers_at_once_bill_every_register_once(self):
        """Each delivers all words, in an order of its own."""

        def deliver(seed: int) -> float:
            counts = counters.Counters()
            chance = random.Random(seed)
            target = writer.Writer(
                self.engine,
                60.0,
                threading.Event(),
                counts,
                complaint.Complaints(service.LOG),
            )
            words = [
                word(probe, 100 * number, agent, began)
                for probe in range(PROBES)
                for number in range(1, ROUNDS)
                for agent, began in (('a', 0.0), ('b', 5000.0))
            ]
            chance.shuffle(words)
            for start in range(0, len(words), PROBES):
                target.write(merge.newest(words[start : start + PROBES]))
            return counts.value('quarantined')

        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            quarantined = list(pool.map(deliver, range(WRITERS)))
        self.assertEqual([0.0] * WRITERS, quarantined)
        self.assertEqual(PROBES * 2 * 100 * (ROUNDS - 1), self.total())

    def test_row_that_the_database_refuses_is_quarantined_alone(self):
        counts = counters.Counters()
        target = writer.Writer(
            self.engine,
            60.0,
            threading.Event(),
            counts,
            complaint.Complaints(service.LOG),
        )
        words = [word(probe, 100) for probe in range(8)]
        bad = words[5].probe._replace(scope='s' * 33)
        words[5] = words[5]._replace(probe=bad)
        target.write(words)
        self.assertEqual(700, self.total())
        self.assertEqual(1, counts.value('quarantined'))
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(schema.quarantine)).all()
        self.assertIn('probe-0005', rows[0].measurement)

    def test_old_registers_are_folded_and_their_words_refused(self):
        databases.deliver(self.engine, [word(1, 100)], now=1000.0)
        databases.deliver(self.engine, [word(1, 100, 'b', 5000.0)], 6000.0)
        with self.engine.begin() as connection:
            self.assertEqual(1, housekeeping.fold(connection, 30))
        tally = databases.deliver(self.engine, [word(1, 200)], 6001.0)
        self.assertEqual({'folded': 1}, tally.outcomes)
        self.assertEqual(200, self.total())
