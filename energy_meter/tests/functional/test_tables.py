# SPDX-License-Identifier: Apache-2.0

"""Unit tests of code that reads and changes tables, on database servers."""

import concurrent.futures
import typing

from oslo_config import cfg
import sqlalchemy as sa
import testscenarios

from energy_meter import conf as energy_meter_conf
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.tests import unmeasured
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import mariadb
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.unit.collector import test_administration
from energy_meter.tests.unit.collector import test_agents
from energy_meter.tests.unit.collector import test_alarms
from energy_meter.tests.unit.collector import test_attributing
from energy_meter.tests.unit.collector import test_closing
from energy_meter.tests.unit.collector import test_curves
from energy_meter.tests.unit.collector import test_housekeeping
from energy_meter.tests.unit.collector import test_quotas
from energy_meter.tests.unit.collector import test_registers
from energy_meter.tests.unit.db import hosts
from energy_meter.tests.unit.db import test_closed_days
from energy_meter.tests.unit.db import test_documents
from energy_meter.tests.unit.db import test_instances
from energy_meter.tests.unit.db import test_open_days
from energy_meter.tests.unit.db import test_probes
from energy_meter.tests.unit.db import test_projects
from energy_meter.tests.unit.db import test_sums
from energy_meter.tests.unit.db import test_usage_marks


class OnServer(testscenarios.WithScenarios):
    """Replaces the SQLite database of a test."""

    scenarios: typing.ClassVar = [
        ('postgresql', {'server': postgresql.PostgreSQL}),
        ('mariadb', {'server': mariadb.MariaDB}),
    ]

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(unmeasured.Unmeasured())

    def connect(self) -> sa.Engine:
        conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(conf)
        conf([], default_config_files=[])
        conf.set_override(
            'connection',
            base.shared(self.server).create_database(),
            'database',
        )
        return db_engine.connect(conf)


class DocumentsTest(OnServer, test_documents.DocumentsTest):
    def test_collation_of_the_connection_does_not_matter(self):
        rows = [('rack "1"', 1)]
        with self.engine.connect() as connection:
            if connection.dialect.name == 'mariadb':
                connection.execute(
                    sa.text('SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci')
                )
            self.assertEqual(rows, self.unpack(connection, rows))


class TipTest(OnServer, test_probes.TipTest):
    pass


class NoTipTest(OnServer, test_probes.NoTipTest):
    pass


class ContestedTest(OnServer, test_probes.ContestedTest):
    pass


class ProjectsTest(OnServer, test_projects.ProjectsTest):
    pass


class EnergyTest(OnServer, test_sums.EnergyTest):
    pass


class SpansTest(OnServer, test_sums.SpansTest):
    pass


class StateTest(OnServer, test_sums.StateTest):
    pass


class VoidTest(OnServer, test_administration.VoidTest):
    pass


class SumTest(OnServer, test_administration.SumTest):
    pass


class DeleteTest(OnServer, test_administration.DeleteTest):
    pass


class RegistersTest(OnServer, test_registers.RegistersTest):
    pass


class ListTest(OnServer, test_agents.ListTest):
    pass


class DisableTest(OnServer, test_agents.DisableTest):
    pass


class AlarmsTest(OnServer, test_alarms.AlarmsTest):
    pass


class CurvesTest(OnServer, test_curves.CurvesTest):
    pass


class PurgeTest(OnServer, test_housekeeping.PurgeTest):
    pass


class ClosedDaysTest(OnServer, test_closed_days.ClosedDaysTest):
    pass


class LineTest(OnServer, test_closing.LineTest):
    pass


class AgentsTest(OnServer, test_closing.AgentsTest):
    pass


class OrderTest(OnServer, test_closing.OrderTest):
    pass


class QuotasTest(OnServer, test_quotas.ProbesTest):
    pass


class QuantityTest(OnServer, test_quotas.QuantityTest):
    pass


class UsageMarksTest(OnServer, test_usage_marks.UsageMarksTest):
    pass


class AttributingTest(OnServer, test_attributing.AttributingTest):
    pass


class AttributorTest(OnServer, test_attributing.AttributorTest):
    def test_two_collectors_attribute_each_day_once(self):
        # Given days of many hosts that are closed,
        self.close(
            *(
                hosts.Host(self.engine, f'host-{number:02}', [hosts.Guest(1)])
                for number in range(45)
            )
        )

        # when two collectors attribute them at the same time,
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            runs = [executor.submit(self.run_attributor) for _ in range(2)]
        for each in runs:
            each.result()
        self.run_attributor()

        # then each has one version, and nothing is left to be done.
        with self.engine.connect() as connection:
            versions = connection.execute(
                sa.select(
                    schema.attributed_day.c.version, sa.func.count()
                ).group_by(schema.attributed_day.c.version)
            ).all()
        self.assertEqual([(1, 45)], versions)
        self.assertEqual({}, self.due())


class InstancesTest(OnServer, test_instances.InstancesTest):
    pass


class RenamedProjectTest(OnServer, test_instances.RenamedProjectTest):
    pass


class OpenDaysTest(OnServer, test_open_days.OpenDaysTest):
    pass
