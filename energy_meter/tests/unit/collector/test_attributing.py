# SPDX-License-Identifier: Apache-2.0

"""Attribution of closed days, and its versions."""

import dataclasses
import threading
from unittest import mock

import fixtures
import sqlalchemy as sa

from energy_meter import cpu_usage
from energy_meter import log_throttle
from energy_meter.billing import attribution_methods
from energy_meter.collector import attributing
from energy_meter.collector import housekeeping
from energy_meter.collector import metrics
from energy_meter.db import attributed_days
from energy_meter.db import due_attributions
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.telemetry import counters
from energy_meter.tests import usages
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base
from energy_meter.tests.unit.db import hosts


class AttributingTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.host = hosts.Host(
            self.engine,
            guests=[
                hosts.Guest(1, 1.0),
                hosts.Guest(2, 2.0, end=hosts.START + 12 * hosts.HOUR_MS),
            ],
        )

    def assert_stored(self, expected: attributed_days.HostDay) -> None:
        """Check that a version is the latest one of all days."""
        with self.engine.connect() as connection:
            [day] = attributed_days.of_host(
                connection, self.host.name, range(hosts.DAY, hosts.DAY + 2)
            )
        self.assertEqual(expected.header, day.header)
        self.assertEqual(expected.instances, day.instances)
        for uuid in expected.instances:
            self.assertEqual(expected.parts(uuid), day.parts(uuid))
        self.assertEqual(
            [each._replace(instances={}) for each in expected.intervals],
            [each._replace(instances={}) for each in day.intervals],
        )

    def test_closed_day_is_attributed_to_its_instances(self):
        # Given a host of two instances, one of which ends at noon,
        end = hosts.START + 27 * hosts.HOUR_MS
        self.host.meter(hosts.START, end)

        # when the day is closed and attributed,
        closings.close(self.engine, end)
        [day] = hosts.attribute(self.engine)

        # then each has the energy of its CPU time and of what it reserved.
        first, second = map(usages.uuid, (1, 2))
        dynamic = {
            uuid: attributed_days.total(day.parts(uuid)).dynamic
            for uuid in day.instances
        }
        self.assertEqual(
            {first: 10 * hosts.DAY_MS, second: 20 * hosts.DAY_MS // 2},
            dynamic,
        )
        self.assert_stored(day)

    def test_energy_of_each_interval_is_divided_without_rest(self):
        end = hosts.START + 27 * hosts.HOUR_MS
        self.host.meter(hosts.START, end)
        closings.close(self.engine, end)

        [day] = hosts.attribute(self.engine)

        for each in day.intervals:
            parts = sum(part.millijoules for part in each.instances.values())
            self.assertEqual(
                each.energy.millijoules,
                parts + each.overhead + each.unallocated + each.unattributed,
            )
            self.assertEqual(0, each.unattributed)
        self.assertEqual(
            self.host.millijoules(hosts.START + hosts.DAY_MS),
            sum(each.energy.millijoules for each in day.intervals),
        )

    def test_day_waits_until_all_its_probes_are_closed(self):
        # Given a host whose usage arrives late,
        end = hosts.START + 27 * hosts.HOUR_MS
        self.host.meter(hosts.START, end, self.host.energy_probe)
        self.host.meter(
            hosts.START,
            hosts.START + 20 * hosts.HOUR_MS,
            self.host.usage_probe,
        )
        closings.close(self.engine, end)

        # when only its energy is closed, and then both are,
        first = hosts.attribute(self.engine)
        self.host.meter(
            hosts.START + 21 * hosts.HOUR_MS, end, self.host.usage_probe
        )
        closings.close(self.engine, end)
        second = hosts.attribute(self.engine)

        # then the day is attributed once.
        self.assertEqual([], first)
        self.assertEqual([1], [each.header.version for each in second])

    def test_restated_day_gets_a_new_version_with_the_same_idle_power(self):
        # Given an attributed day of which the usage of hours is missing,
        self.host.configured = None
        late = hosts.START + 26 * hosts.HOUR_MS
        usage = self.host.usage_probe
        self.host.meter(hosts.START, late, self.host.energy_probe)
        self.host.meter(hosts.START, hosts.START + 5 * hosts.HOUR_MS, usage)
        self.host.meter(hosts.START + 23 * hosts.HOUR_MS, late, usage)
        closings.close(self.engine, late)
        [old] = hosts.attribute(self.engine)

        # when the marks that were missing arrive,
        self.host.meter(
            hosts.START + 6 * hosts.HOUR_MS,
            hosts.START + 22 * hosts.HOUR_MS,
            usage,
        )
        later = late + hosts.HOUR_MS
        databases.settle(self.engine, later)
        closings.restate(self.engine, later + hosts.QUARTER_MS)
        [new] = hosts.attribute(self.engine)

        # then there is a second version, of the same idle power.
        self.assertEqual((1, 2), (old.header.version, new.header.version))
        self.assertEqual(old.header.idle_watts, new.header.idle_watts)
        self.assertNotEqual(old.header.inputs, new.header.inputs)
        self.assert_stored(new)

    def test_day_whose_marks_were_packed_is_attributed_alike(self):
        # Given an attributed day whose marks are packed 40 days later,
        end = hosts.START + 72 * hosts.HOUR_MS
        self.host.meter(hosts.START, end, step=6 * hosts.HOUR_MS)
        closings.close(self.engine, end)
        [before] = hosts.attribute(self.engine)
        later = hosts.START + 40 * hosts.DAY_MS
        with mock.patch.object(db_engine, 'now', return_value=later):
            housekeeping.purge(self.engine, threading.Event())

            # when it is attributed again,
            with self.engine.begin() as connection:
                connection.execute(schema.attributed_day.delete())
                connection.execute(schema.instance_day.delete())
                due_attributions.mark(
                    connection, [(self.host.usage_probe, hosts.DAY, later)]
                )
                marks = connection.execute(sa.select(schema.mark)).all()
            [after] = hosts.attribute(self.engine)

        # then nothing has changed.
        self.assertEqual([], marks)
        self.assertEqual(before.intervals, after.intervals)

    def test_attributing_again_writes_nothing(self):
        end = hosts.START + 27 * hosts.HOUR_MS
        self.host.meter(hosts.START, end)
        closings.close(self.engine, end)
        hosts.attribute(self.engine)

        self.assertEqual([], hosts.attribute(self.engine))

    def test_host_without_a_power_meter_is_not_attributed(self):
        end = hosts.START + 27 * hosts.HOUR_MS
        self.host.meter(hosts.START, end, self.host.usage_probe)
        closings.close(self.engine, end)

        self.assertEqual([], hosts.attribute(self.engine))
        with self.engine.connect() as connection:
            self.assertEqual({}, due_attributions.days(connection))


class _Broken(attribution_methods.ReservedAndCPU):
    """A method that cannot divide the energy of a host with vm-1."""

    @staticmethod
    def shares(
        layout: cpu_usage.Layout, busy: int, cpu: tuple[int, ...]
    ) -> attribution_methods.Shares:
        if any(each.name == 'vm-1' for each in layout.instances):
            raise ZeroDivisionError('no such instance')
        return attribution_methods.ReservedAndCPU.shares(layout, busy, cpu)


class _AttributorTestCase(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())

    def run_attributor(
        self, method: type[attribution_methods.Method] = hosts.RULES.method
    ) -> None:
        self.counters = counters.Counters(metrics.COUNTERS)
        attributing.Attributor(
            self.engine,
            threading.Event(),
            hosts.RULES._replace(method=method),
            self.counters,
            log_throttle.ThrottledLogger(attributing.LOG),
        ).run()


class AttributorTest(_AttributorTestCase):
    def close(self, *hosts_: hosts.Host) -> None:
        """Meter hosts for a day, and close it."""
        end = hosts.START + 30 * hosts.HOUR_MS
        for host in hosts_:
            host.meter(hosts.START, end, step=15 * hosts.HOUR_MS)
        closings.close(self.engine, end)

    def due(self) -> dict[int, set[str]]:
        """Return the probes with days to be attributed."""
        with self.engine.connect() as connection:
            return due_attributions.days(connection)

    def test_days_of_all_hosts_are_attributed(self):
        self.close(
            *(
                hosts.Host(self.engine, name, [hosts.Guest(1)])
                for name in ('a', 'b')
            )
        )

        self.run_attributor()

        self.assertEqual(2, self.counters.value('attributions'))
        self.assertIn('Attributed 2 days of hosts', self.log.output)
        self.assertEqual({}, self.due())

    def test_probes_of_hosts_without_usage_wait_for_nothing(self):
        host = hosts.Host(self.engine)
        end = hosts.START + 30 * hosts.HOUR_MS
        host.meter(hosts.START, end, host.energy_probe)
        closings.close(self.engine, end)

        self.run_attributor()

        self.assertEqual({}, self.due())

    def test_host_that_a_method_cannot_handle_delays_no_other(self):
        self.close(
            hosts.Host(self.engine, 'a', [hosts.Guest(1)]),
            hosts.Host(self.engine, 'b', [hosts.Guest(2)]),
        )

        self.run_attributor(_Broken)

        self.assertEqual(1, self.counters.value('attributions'))
        self.assertIn(
            'Cannot attribute the energy of host a on 2023-11-15 '
            '(ZeroDivisionError: no such instance)',
            self.log.output,
        )
        self.assertEqual({hosts.DAY: {'a-cpu', 'a-power'}}, self.due())
        self.assertEqual(
            2,
            self.counters.registry.get_sample_value(
                'energy_meter_attributions_waiting'
            ),
        )

    def test_device_that_is_not_metered_is_reported(self):
        host = hosts.Host(self.engine, 'a', [hosts.Guest(1)])
        host.devices = (cpu_usage.Device('a-gpu', usages.uuid(1)),)
        self.close(host)

        self.run_attributor()

        self.assertIn(
            'Probe a-gpu, which measures a device of host a, does not count '
            'on 2023-11-15',
            self.log.output,
        )


class IdlePowerTest(_AttributorTestCase):
    """A host that needs 105 W, and 10 W more while its guest computes."""

    def meter(
        self, guest: hosts.Guest, configured: float | None, days: int = 1
    ) -> hosts.Host:
        host = hosts.Host(self.engine, 'a', [guest], configured=configured)
        end = hosts.START + days * hosts.DAY_MS
        host.meter(hosts.START, end, host.energy_probe)
        return host

    def attribute(self, days: int) -> str:
        """Close and attribute days; return the log."""
        closings.close(self.engine, hosts.START + (days + 5) * hosts.DAY_MS)
        self.run_attributor()
        self.assertEqual(days, self.counters.value('attributions'))
        return self.log.output

    def test_idle_power_above_what_a_host_needs_is_reported(self):
        host = self.meter(hosts.Guest(1), configured=200.0)
        host.meter(hosts.START, hosts.START + hosts.DAY_MS, host.usage_probe)

        self.assertIn(
            'Idle power of host a is too high: it needed less than 200 W',
            self.attribute(1),
        )

    def test_devices_of_instances_do_not_count(self):
        # Given a host that needs less than 120 W, and a GPU with 30 W,
        host = hosts.Host(
            self.engine,
            'a',
            [hosts.Guest(1)],
            idle_watts=130,
            configured=120.0,
            devices=(cpu_usage.Device('a-gpu', usages.uuid(1)),),
        )
        gpu = dataclasses.replace(
            host,
            guests=[],
            overhead=0.0,
            idle_watts=30,
            scope='gpu',
            suffix='gpu',
        )
        gpu.meter(hosts.START, hosts.START + hosts.DAY_MS, 'a-gpu')
        host.meter(hosts.START, hosts.START + hosts.DAY_MS)

        self.assertIn('too high', self.attribute(1))

    def test_quarter_hours_without_usage_do_not_count(self):
        # Given a host that needs less once its usage is not known,
        noon = hosts.START + 12 * hosts.HOUR_MS
        host = self.meter(hosts.Guest(1, end=noon), configured=110.0)
        host.meter(hosts.START, noon, host.usage_probe)

        self.assertNotIn('too high', self.attribute(1))

    def test_quarter_hours_of_several_days_count_together(self):
        # Given a host that needs less in the last of 192 quarter-hours,
        end = hosts.START + 2 * hosts.DAY_MS
        guest = hosts.Guest(1, end=end - hosts.QUARTER_MS)
        host = self.meter(guest, configured=110.0, days=2)
        host.meter(hosts.START, end, host.usage_probe)

        self.assertNotIn('too high', self.attribute(2))

    def test_more_than_one_percent_of_several_days_is_reported(self):
        # Given a host that needs less in the last 2 of 192 quarter-hours,
        end = hosts.START + 2 * hosts.DAY_MS
        guest = hosts.Guest(1, end=end - 2 * hosts.QUARTER_MS)
        host = self.meter(guest, configured=110.0, days=2)
        host.meter(hosts.START, end, host.usage_probe)

        self.assertIn('too high', self.attribute(2))
