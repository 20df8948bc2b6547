# SPDX-License-Identifier: Apache-2.0

"""Readings of a compute host."""

import fixtures
from oslotest import base

from energy_meter import cpu_usage
from energy_meter import exception
from energy_meter.drivers.libvirt import connection
from energy_meter.drivers.libvirt import driver
from energy_meter.drivers.libvirt import host
from energy_meter.tests import drivers
from energy_meter.tests.unit.drivers.libvirt import fakes


class LibvirtTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.machine = self.useFixture(fakes.Machine())
        self.connection = fakes.Connection()
        self.monotonic = 1000.0
        self.patch(connection, 'Connection', lambda *_: self.connection)
        self.patch(driver.time, 'monotonic', lambda: self.monotonic)

    def patch(self, module, name, value):
        self.useFixture(
            fixtures.MonkeyPatch(f'{module.__name__}.{name}', value)
        )

    def open(self, *probes, **options):
        made = drivers.make(driver.Libvirt, *(probes or ['cpu']), **options)
        made.open()
        return made

    def test_reading_has_busy_time_and_instances(self):
        self.machine.set_busy(user=700)
        self.machine.set_process(10, 'a', 50)
        self.connection.all = [fakes.Domain('a')]

        [reading] = self.open(idle_power=80.5).read()

        self.assertEqual(('cpu', 7000), (reading.probe, reading.ticks))
        self.assertEqual(1000.0, reading.monotonic)
        self.assertEqual(1e-3, reading.counter.joules_per_tick)
        self.assertIsNone(reading.watts)
        layout, counters = reading.usage
        self.assertEqual(host.threads(), layout.threads)
        self.assertEqual(host.memory(), layout.memory)
        self.assertEqual(80.5, layout.idle_watts)
        self.assertEqual(['a'], [each.uuid for each in layout.instances])
        self.assertEqual((('process 10 7', 500),), counters)

    def test_busy_time_can_be_that_of_a_cgroup(self):
        directory = self.machine.set_cgroup('/hosts', 5_000_000)

        [reading] = self.open(cgroup=str(directory)).read()

        self.assertEqual(5000, reading.ticks)

    def test_reading_has_the_devices_of_instances(self):
        self.connection.all = [fakes.Domain('a', buses=[0x3B])]

        [reading] = self.open(passthrough=['gpu=0000:3b:00.0']).read()

        self.assertEqual(
            (cpu_usage.Device('gpu', 'a'),), reading.usage.layout.devices
        )

    def test_host_without_instances_has_a_reading(self):
        [reading] = self.open().read()

        self.assertEqual((), reading.usage.layout.instances)
        self.assertIsNone(reading.usage.layout.idle_watts)

    def test_libvirt_is_asked_only_after_an_event(self):
        domain = fakes.Domain('a')
        self.connection.all = [domain]
        made = self.open()
        for _ in range(3):
            list(made.read())
        self.assertEqual((1, 1), (self.connection.listings, domain.reads))

        domain.text = fakes.metadata(name='new')
        self.connection.events = {'a'}
        [reading] = made.read()

        self.assertEqual((2, 2), (self.connection.listings, domain.reads))
        self.assertEqual('new', reading.usage.layout.instances[0].name)

    def test_lost_event_is_noticed_later(self):
        domain = fakes.Domain('a')
        self.connection.all = [domain]
        made = self.open()
        domain.text = fakes.metadata(name='new')

        self.monotonic += driver.POLL_INTERVAL_S
        [reading] = made.read()

        self.assertEqual('new', reading.usage.layout.instances[0].name)

    def test_slow_reading_is_discarded(self):
        # Given a guest of which libvirt reports the time after 0.6 s,
        domain = fakes.Domain('a')

        def cpu_time():
            self.monotonic += 0.6
            return 5

        domain.cpu_time = cpu_time
        self.connection.all = [domain]
        made = self.open(cpu_source='info')

        self.assertEqual([], list(made.read()))
        self.assertIn('took 0.6 s; it is discarded', self.log.output)

        # When it answers at once again,
        domain.cpu_time = lambda: 6

        # Then there is a reading.
        [reading] = made.read()
        self.assertEqual(6, reading.usage.counters[0][1])
        self.assertIn('quick again', self.log.output)

    def test_slow_listing_delays_the_reading(self):
        made = self.open()
        listed = self.connection.domains

        def domains():
            self.monotonic += 1.8
            return listed()

        self.connection.domains = domains
        self.connection.events = {'a'}

        [reading] = made.read()

        self.assertEqual(1001.8, reading.monotonic)

    def test_closed_connection_is_an_error(self):
        made = self.open()
        self.connection.is_open = False

        e = self.assertRaises(exception.DeviceUnreachable, made.read)

        self.assertIn('libvirt at qemu:///system', str(e))

    def test_driver_can_be_opened_again(self):
        made = self.open()
        made.close()
        self.connection.all = [fakes.Domain('a')]

        made.open()

        [reading] = made.read()
        self.assertEqual(1, len(reading.usage.layout.instances))

    def test_there_is_one_probe(self):
        self.assertRaises(exception.DriverError, self.open, 'a', 'b')
        self.assertEqual(
            ['cpu'], [each.name for each in self.open().channels()]
        )
