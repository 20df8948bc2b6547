# SPDX-License-Identifier: Apache-2.0

"""Attribution from what the database has of a host."""

import dataclasses

from oslo_config import cfg
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.db import attributed_days
from energy_meter.db import attributing
from energy_meter.db import engine as db_engine
from energy_meter.db import host_inputs
from energy_meter.db import host_probes
from energy_meter.db import schema
from energy_meter.tests import usages
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.db import base as db_base
from energy_meter.tests.unit.db import hosts

HOUR_MS = hosts.HOUR_MS
START = hosts.START


class AttributingTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.host = hosts.Host(
            self.engine, guests=[hosts.Guest(1, 1.0), hosts.Guest(2, 2.0)]
        )

    def attribute(self) -> attributed_days.HostDay:
        """Return the first day of the host, whether it is closed or not."""
        with db_engine.snapshot(self.engine) as connection:
            chosen = host_inputs.load(
                connection,
                host_probes.load(connection).values(),
                hosts.DAY,
                hosts.RULES.precedence,
            )
            [day] = attributing.attribute(connection, chosen, hosts.RULES, {})
        for each in day.intervals:
            parts = sum(part.millijoules for part in each.instances.values())
            self.assertEqual(
                each.energy.millijoules,
                parts + each.overhead + each.unallocated + each.unattributed,
            )
        return day

    def dynamic(self, day: attributed_days.HostDay) -> dict[int, int]:
        """Return the dynamic energy of instances in mJ, by their number."""
        return {
            number: attributed_days.total(
                day.parts(usages.uuid(number))
            ).dynamic
            for number in (1, 2)
        }

    def test_closing_a_day_changes_nothing_of_it(self):
        # Given a day of which an instance was started and another deleted,
        self.host.guests[0].end = START + 5 * HOUR_MS
        self.host.guests[1].start = START + 7 * HOUR_MS
        self.host.meter(START, START + 30 * HOUR_MS)
        before = self.attribute()

        closings.close(self.engine, START + 30 * HOUR_MS)
        [after] = hosts.attribute(self.engine)

        self.assertEqual(before.intervals, after.intervals)

    def test_usage_goes_on_after_a_restart_of_the_agent(self):
        # Given an agent that is restarted at noon,
        noon = START + 12 * HOUR_MS
        self.host.meter(START, noon)

        # when it opens new registers,
        self.host.restart(noon, noon)
        self.host.meter(noon, START + 24 * HOUR_MS)

        # then no usage is lost, or counted twice.
        day = self.attribute()
        self.assertEqual(
            {1: 10 * hosts.DAY_MS, 2: 20 * hosts.DAY_MS}, self.dynamic(day)
        )

    def test_energy_while_the_usage_is_not_known_is_unattributed(self):
        # Given usage with a gap of two hours between two registers,
        end = START + 24 * HOUR_MS
        self.host.meter(START, end, self.host.energy_probe)
        gap = START + 6 * HOUR_MS, START + 8 * HOUR_MS
        self.host.meter(START, gap[0], self.host.usage_probe)
        self.host.restart(*gap)
        self.host.meter(gap[1], end, self.host.usage_probe)

        day = self.attribute()

        # Then its energy belongs to no instance, who were there, though.
        expected = self.host.millijoules(gap[1]) - self.host.millijoules(
            gap[0]
        )
        self.assertEqual(
            expected, sum(each.unattributed for each in day.intervals)
        )
        part = attributed_days.total(day.parts(usages.uuid(1)))
        self.assertEqual(hosts.DAY_MS, part.present)
        self.assertEqual(22 * HOUR_MS, part.metered)
        self.assertEqual('partial', part.quality)

    def test_energy_before_the_first_reading_of_usage_is_unattributed(self):
        # Given an agent that reads the usage a quarter-hour after its start,
        end = START + 25 * HOUR_MS
        self.host.meter(START, end, self.host.energy_probe)
        self.host.unread = hosts.QUARTER_MS
        self.host.meter(self.host.read_from, end, self.host.usage_probe)

        day = self.attribute()

        # then the energy until then is not overhead.
        self.assertEqual(
            self.host.millijoules(self.host.read_from),
            sum(each.unattributed for each in day.intervals),
        )

    def test_two_agents_that_meter_the_same_host_count_once(self):
        # Given a second agent that joins at noon,
        end = START + 24 * HOUR_MS
        self.host.meter(START, end)
        other = dataclasses.replace(
            self.host,
            agent='another',
            opened=START + 12 * HOUR_MS,
            register='f' * 16,
        )
        other.meter(START + 12 * HOUR_MS, end)

        day = self.attribute()

        self.assertEqual(
            {1: 10 * hosts.DAY_MS, 2: 20 * hosts.DAY_MS}, self.dynamic(day)
        )

    def test_instance_that_starts_within_the_day_pays_from_then_on(self):
        noon = START + 12 * HOUR_MS
        self.host.guests[1].start = noon
        self.host.meter(START, START + 24 * HOUR_MS)

        day = self.attribute()

        parts = day.parts(usages.uuid(2))
        self.assertEqual(0, sum(each.present for each in parts[:48]))
        self.assertEqual(12 * HOUR_MS, sum(each.present for each in parts))
        self.assertEqual(20 * 12 * HOUR_MS, self.dynamic(day)[2])

    def test_energy_is_that_of_the_preferred_scope(self):
        # Given a host whose processors are metered, too,
        self.host.meter(START, START + 24 * HOUR_MS)
        processors = dataclasses.replace(
            self.host, scope='cpu-package', idle_watts=40, suffix='rapl'
        )
        processors.meter(START, START + 24 * HOUR_MS, processors.energy_probe)

        day = self.attribute()

        self.assertEqual('node', day.header.scope)
        self.assertEqual(
            self.host.millijoules(START + hosts.DAY_MS),
            sum(each.energy.millijoules for each in day.intervals),
        )

    def test_sum_counts_in_the_time_of_its_parts(self):
        # Given two outlets that are a sum, one of them since the next day,
        self.host.meter(START, START + 24 * HOUR_MS)
        other = dataclasses.replace(self.host, suffix='other', idle_watts=40)
        other.meter(START, START + 24 * HOUR_MS, other.energy_probe)
        for since, expected in (
            (START + hosts.DAY_MS, self.host.millijoules),
            (
                START,
                lambda date: (
                    self.host.millijoules(date) + other.millijoules(date)
                ),
            ),
        ):
            self.join_sum(self.host.energy_probe, START)
            self.join_sum(other.energy_probe, since)

            day = self.attribute()

            self.assertEqual(
                expected(START + hosts.DAY_MS),
                sum(each.energy.millijoules for each in day.intervals),
            )
            self.assertEqual(1.0, day.intervals[0].energy.coverage)

    def test_sum_that_is_new_since_hides_no_probe(self):
        self.host.meter(START, START + 24 * HOUR_MS)
        self.join_sum(self.host.energy_probe, START + hosts.DAY_MS)

        day = self.attribute()

        self.assertEqual(
            self.host.millijoules(START + hosts.DAY_MS),
            sum(each.energy.millijoules for each in day.intervals),
        )

    def join_sum(self, member: str, since: int) -> None:
        """Make a probe part of the sum of the host."""
        with self.engine.begin() as connection:
            connection.execute(
                schema.sum_probe.delete().where(
                    schema.sum_probe.c.id == 'total'
                )
            )
            connection.execute(
                schema.sum_probe.insert(),
                {'id': 'total', 'host': self.host.name},
            )
            connection.execute(
                schema.membership.delete().where(
                    schema.membership.c.member == member
                )
            )
            connection.execute(
                schema.membership.insert(),
                {
                    'member': member,
                    'kind': 'sum',
                    'whole': 'total',
                    'since': since,
                    'joined_shown': 0,
                },
            )

    def test_idle_power_is_estimated_without_an_option(self):
        self.host.configured = None
        self.host.meter(START, START + 24 * HOUR_MS)

        day = self.attribute()

        # The day is not closed, so it shows nothing yet.
        self.assertEqual(
            (0.0, 'estimated'),
            (day.header.idle_watts, day.header.idle_source),
        )


class RulesTest(base.BaseTestCase):
    def test_method_that_is_not_installed_is_an_error(self):
        conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(conf)
        conf([], default_config_files=[])
        conf.set_override('attribution_method', 'fair', 'collector')

        error = self.assertRaises(
            exception.ConfigurationError, attributing.rules, conf
        )

        self.assertIn('[collector] attribution_method: ', str(error))
