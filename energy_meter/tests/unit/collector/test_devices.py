# SPDX-License-Identifier: Apache-2.0

"""Days of hosts whose devices are passed through to instances."""

import dataclasses

from energy_meter import cpu_usage
from energy_meter.billing import attribution
from energy_meter.db import attributed_days
from energy_meter.db import due_attributions
from energy_meter.tests import usages
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base
from energy_meter.tests.unit.db import hosts

HOUR_MS, START = hosts.HOUR_MS, hosts.START
END = START + 27 * HOUR_MS
GPU = 'compute-1-gpu0'
#: Energy of the GPU in a day.
GPU_DAY = 30 * hosts.DAY_MS


class DevicesTest(db_base.DatabaseTest):
    """A host that needs 100 W when it is idle, and a GPU with 30 W."""

    def setUp(self) -> None:
        super().setUp()
        self.host = hosts.Host(
            self.engine,
            guests=[hosts.Guest(1, 1.0), hosts.Guest(2, 2.0)],
            idle_watts=130,
            devices=(cpu_usage.Device(GPU, usages.uuid(1)),),
        )
        self.gpu = dataclasses.replace(
            self.host,
            guests=[],
            overhead=0.0,
            idle_watts=30,
            scope='gpu',
            suffix='gpu0',
        )

    def attribute(self) -> attributed_days.HostDay:
        """Close the day of all probes, and return it attributed."""
        closings.close(self.engine, END)
        [day] = hosts.attribute(self.engine)
        for each in day.intervals:
            parts = sum(part.millijoules for part in each.instances.values())
            self.assertEqual(
                each.energy.millijoules,
                parts + each.overhead + each.unallocated + each.unattributed,
            )
        return day

    def part(
        self, day: attributed_days.HostDay, number: int
    ) -> attribution.Part:
        return attributed_days.total(day.parts(usages.uuid(number)))

    def test_energy_of_a_device_belongs_to_its_instance(self):
        # Given a GPU that is metered and passed through to the first one,
        self.host.meter(START, END)
        self.gpu.meter(START, END, GPU)

        day = self.attribute()

        # then all others have what they would have without a GPU.
        first, second = self.part(day, 1), self.part(day, 2)
        self.assertEqual((GPU_DAY, 0), (first.device, second.device))
        self.assertEqual(
            (10 * hosts.DAY_MS, 20 * hosts.DAY_MS),
            (first.dynamic, second.dynamic),
        )
        self.assertEqual('attributed', first.quality)
        self.assertEqual(
            100 * hosts.DAY_MS, sum(each.idle for each in day.intervals)
        )

    def test_device_of_a_closed_day_is_stored(self):
        self.host.meter(START, END)
        self.gpu.meter(START, END, GPU)
        day = self.attribute()

        with self.engine.connect() as connection:
            [stored] = attributed_days.of_host(
                connection, self.host.name, range(hosts.DAY, hosts.DAY + 1)
            )

        self.assertEqual(self.part(day, 1), self.part(stored, 1))
        self.assertEqual(GPU_DAY, self.part(stored, 1).device)

    def test_device_without_energy_is_divided_and_uncertain(self):
        self.host.meter(START, END)

        day = self.attribute()

        first, second = self.part(day, 1), self.part(day, 2)
        self.assertEqual(0, first.device)
        self.assertGreater(second.dynamic, 20 * hosts.DAY_MS)
        self.assertEqual('estimated', first.quality)
        self.assertEqual('estimated', second.quality)

    def test_instance_has_no_energy_of_other_hosts_or_of_the_whole(self):
        # Given a host whose agent names a probe of another host, that of the
        # host, and one that measures more than a device,
        self.host.devices = tuple(
            cpu_usage.Device(probe, usages.uuid(1))
            for probe in ('compute-1-outlet', 'compute-1-power', 'other-gpu')
        )
        other = dataclasses.replace(self.gpu, name='other', suffix='gpu')
        outlet = dataclasses.replace(self.gpu, scope='outlet', suffix='outlet')
        self.host.meter(START, END)
        other.meter(START, END, other.energy_probe)
        outlet.meter(START, END, outlet.energy_probe)

        day = self.attribute()

        self.assertEqual(0, self.part(day, 1).device)
        self.assertEqual('estimated', self.part(day, 1).quality)

    def test_energy_of_processors_has_no_device(self):
        self.host.scope = 'cpu-package'
        self.host.meter(START, END)
        self.gpu.meter(START, END, GPU)

        day = self.attribute()

        self.assertEqual(0, self.part(day, 1).device)
        self.assertEqual('attributed', self.part(day, 1).quality)

    def attribute_with_a_gap(self) -> attributed_days.HostDay:
        """Attribute a day of which marks of the GPU are missing."""
        self.host.meter(START, END)
        self.gpu.meter(START, START + 5 * HOUR_MS, GPU)
        self.gpu.meter(START + 23 * HOUR_MS, END, GPU)
        return self.attribute()

    def restate(self) -> list[attributed_days.HostDay]:
        """Deliver the marks that were missing, and attribute the day again."""
        self.gpu.meter(START + 6 * HOUR_MS, START + 22 * HOUR_MS, GPU)
        later = END + HOUR_MS
        databases.settle(self.engine, later)
        self.assertEqual(
            1, closings.restate(self.engine, later + hosts.QUARTER_MS)
        )
        return hosts.attribute(self.engine)

    def test_restated_device_of_no_instance_makes_no_version(self):
        # Given an attributed day of a host whose GPU is not passed through,
        self.host.devices = ()
        old = self.attribute_with_a_gap()

        # when the day of the GPU is restated, then that of the host stays,
        self.assertEqual([], self.restate())
        with self.engine.connect() as connection:
            [day] = attributed_days.of_host(
                connection, self.host.name, range(hosts.DAY, hosts.DAY + 1)
            )
            due = due_attributions.days(connection)
        self.assertEqual(old.header, day.header)
        # and is not tried again.
        self.assertEqual({}, due)

    def test_restated_device_makes_a_new_version(self):
        old = self.attribute_with_a_gap()

        [new] = self.restate()

        # then the next version of the host's day knows when it was drawn.
        self.assertEqual((1, 2), (old.header.version, new.header.version))
        self.assertLess(
            self.part(new, 1).uncertain, self.part(old, 1).uncertain
        )
        self.assertEqual(GPU_DAY, self.part(new, 1).device)

    def test_estimated_idle_power_is_that_without_devices(self):
        self.host.configured = None
        self.host.meter(START, END)
        self.gpu.meter(START, END, GPU)

        day = self.attribute()

        # 100 W, and 10 W for each of 3.5 CPUs, which are always busy.
        self.assertEqual(
            (135.0, 'estimated'),
            (day.header.idle_watts, day.header.idle_source),
        )
