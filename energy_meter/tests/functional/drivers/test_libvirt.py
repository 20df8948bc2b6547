# SPDX-License-Identifier: Apache-2.0

"""Instances of a compute host: real libvirtd, and guests in QEMU."""

from oslotest import base

from energy_meter import cpu_usage
from energy_meter import exception
from energy_meter.drivers.libvirt import driver
from energy_meter.drivers.libvirt import passthrough
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import libvirtd

#: libvirt.VIR_DOMAIN_METADATA_ELEMENT and VIR_DOMAIN_AFFECT_LIVE.
ELEMENT, LIVE = 2, 1
RENAMED = (
    '<instance><name>renamed</name>'
    '<flavor><memory>16</memory><vcpus>1</vcpus></flavor>'
    '<owner><user uuid="u1"/><project uuid="p1"/></owner></instance>'
)
#: As Nova's virt/libvirt/config.py formats a PCI device.
HOSTDEV = (
    '<hostdev mode="subsystem" type="pci" managed="yes"><source>'
    '<address domain="0x0000" bus="0x3b" slot="0x00" function="0x0"/>'
    '</source></hostdev>'
)


class LibvirtTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.libvirtd = services.shared(libvirtd.Libvirtd)
        self.addCleanup(self.libvirtd.suspend_guests)

    def open(self, libvirtd=None, **options):
        made = drivers.make(
            driver.Libvirt,
            'cpu',
            uri=(libvirtd or self.libvirtd).uri,
            **options,
        )
        self.addCleanup(made.close)
        made.open()
        return made

    def guest(self, made, guest):
        """Return the instance of a guest, its process and CPU time."""
        [reading] = made.read()
        layout, counters = reading.usage
        for instance, counter in zip(layout.instances, counters, strict=True):
            if instance.uuid == guest.uuid:
                return instance, *counter
        return None

    def wait_for(self, made, guest, condition, what):
        """Return the first reading of a guest that fulfills a condition."""

        def found():
            latest = self.guest(made, guest)
            return (latest,) if condition(latest) else None

        return services.wait_for(found, 30, what)[0]

    def test_host_is_as_busy_as_its_guests_at_least(self):
        # Given a guest that computes, one that does not, and one that Nova
        # did not create,
        busy = self.libvirtd.start_guest(
            libvirtd.LOOP, name='a', project='p1', vcpus=2, memory=512
        )
        halted = self.libvirtd.start_guest(name='b', project='p2')
        foreign = self.libvirtd.start_guest()
        made = self.open(idle_power=40.0)
        [first] = made.read()
        started = self.guest(made, busy)

        # When the first one has computed for half a second,
        self.wait_for(
            made, busy, lambda now: now[2] >= started[2] + 500, 'CPU time'
        )
        [last] = made.read()

        # Then the host has been busy at least as long, the second one has
        # not, and the third one does not appear.
        self.assertEqual('a', started[0].name)
        self.assertEqual(
            {
                (busy.uuid, 'p1', 'name of p1', 2, 512),
                (halted.uuid, 'p2', 'name of p2', 1, 16),
            },
            {
                (
                    each.uuid,
                    each.project,
                    each.project_name,
                    each.vcpus,
                    each.memory,
                )
                for each in last.usage.layout.instances
                if each.uuid in (busy.uuid, halted.uuid, foreign.uuid)
            },
        )
        before, after = (
            dict(
                zip(
                    each.usage.layout.instances,
                    each.usage.counters,
                    strict=True,
                )
            )
            for each in (first, last)
        )
        used = {
            instance.uuid: after[instance][1] - before[instance][1]
            for instance in after
        }
        seconds = last.monotonic - first.monotonic
        self.assertTrue(500 <= used[busy.uuid] <= 1000 * seconds + 20, used)
        self.assertTrue(0 <= used[halted.uuid] <= 100, used)
        limit = 1000 * seconds * last.usage.layout.threads
        self.assertTrue(
            used[busy.uuid] <= last.ticks - first.ticks + 20 <= limit + 40
        )
        self.assertEqual(40.0, last.usage.layout.idle_watts)

    def test_stopped_guest_holds_nothing_until_it_starts(self):
        guest = self.libvirtd.start_guest(libvirtd.LOOP, name='a')
        made = self.open()
        before = self.guest(made, guest)

        guest.call('destroy')
        stopped = self.wait_for(
            made, guest, lambda now: not now[0].is_reserved, 'no reservation'
        )
        guest.call('create')
        after = self.wait_for(made, guest, lambda now: now[1], 'a process')

        self.assertEqual(('', 0), stopped[1:])
        self.assertTrue(before[0].is_reserved and after[0].is_reserved)
        self.assertNotEqual(before[1], after[1])

    def test_killed_guest_holds_nothing(self):
        guest = self.libvirtd.start_guest(name='a')
        made = self.open()

        guest.kill()

        ended = self.wait_for(
            made, guest, lambda now: not now[0].is_reserved, 'no reservation'
        )
        self.assertEqual(('', 0), ended[1:])

    def test_device_of_a_domain_is_that_of_the_host(self):
        # Given a domain to which Nova would pass a GPU through (there is no
        # IOMMU here, so it cannot start), and a guest without a device,
        domain = self.libvirtd.new_guest()
        domain.define(HOSTDEV, name='a')
        self.libvirtd.start_guest(name='b')
        made = self.open(passthrough=['gpu=0000:3b:00.0'])

        # when libvirt describes the domain,
        [found] = [
            each
            for each in made._connection.domains()
            if each.uuid == domain.uuid
        ]
        devices = passthrough.parse_domain(found.description())

        # then it has the GPU, but no one has it before the domain is active.
        self.assertEqual({passthrough.Address(0, 0x3B, 0, 0)}, devices)
        [reading] = made.read()
        self.assertEqual(
            (cpu_usage.Device('gpu', None),), reading.usage.layout.devices
        )
        domain.call('undefine')

    def test_deleted_guest_disappears(self):
        guest = self.libvirtd.start_guest(name='a')
        made = self.open()

        guest.call('destroy')
        guest.call('undefine')

        self.wait_for(made, guest, lambda now: now is None, 'the guest to go')

    def test_paused_guest_stays_in_its_process(self):
        guest = self.libvirtd.start_guest(libvirtd.LOOP, name='a')
        made = self.open()
        before = self.guest(made, guest)

        guest.call('suspend')
        paused = self.guest(made, guest)

        self.assertTrue(paused[0].is_reserved)
        self.assertEqual(before[1], paused[1])
        self.assertTrue(before[2] <= paused[2] <= before[2] + 5000)

    def test_renamed_instance_has_its_new_name(self):
        guest = self.libvirtd.start_guest(name='old')
        made = self.open()

        namespace = 'http://openstack.org/xmlns/libvirt/nova/1.1'
        guest.call('setMetadata', ELEMENT, RENAMED, 'nova', namespace, LIVE)

        self.wait_for(
            made, guest, lambda now: now[0].name == 'renamed', 'the new name'
        )

    def test_resized_instance_has_its_new_flavor(self):
        guest = self.libvirtd.start_guest(name='a', vcpus=1, memory=16)
        made = self.open()

        guest.call('destroy')
        guest.start(name='a', vcpus=4, memory=64)

        now = self.wait_for(
            made, guest, lambda now: now[0].vcpus == 4, 'the new flavor'
        )
        self.assertEqual(64, now[0].memory)
        self.assertTrue(now[1])

    def test_libvirtd_that_restarts_loses_no_cpu_time(self):
        # Given a guest whose libvirtd is killed,
        guest = self.libvirtd.start_guest(libvirtd.LOOP, name='a')
        made = self.open()
        before = self.guest(made, guest)
        self.libvirtd.kill()
        self.addCleanup(self.libvirtd.start)

        # When the driver notices, and the agent opens it again later,
        services.wait_for(
            lambda: not made._connection.is_alive(), 10, 'the end'
        )
        self.assertRaises(exception.DeviceUnreachable, made.read)
        made.close()
        self.assertRaises(exception.DeviceUnreachable, made.open)
        self.libvirtd.start()
        made.open()

        # Then the counter of the same process has risen.
        after = self.guest(made, guest)
        self.assertEqual(before[1], after[1])
        self.assertLess(before[2], after[2])

    def test_stopped_libvirtd_ends_the_connection(self):
        guest = self.libvirtd.start_guest(name='a')
        made = self.open(timeout=3)
        self.libvirtd.pause()
        self.addCleanup(self.libvirtd.resume)

        # Readings need no answer of libvirtd, until the timeout.
        self.assertTrue(self.guest(made, guest)[1])
        services.wait_for(
            lambda: not made._connection.is_alive(), 10, 'the timeout'
        )
        self.assertRaises(exception.DeviceUnreachable, made.read)

    def test_info_has_the_cpu_time_of_the_process(self):
        guest = self.libvirtd.start_guest(libvirtd.LOOP, name='a')
        guest.call('suspend')
        by_process = self.open(cpu_source='process')
        by_info = self.open(cpu_source='info')

        process = self.guest(by_process, guest)[2]
        info = self.guest(by_info, guest)[2]

        self.assertTrue(process <= info <= process + 100, (process, info))

    def test_migrated_guest_begins_at_zero_at_its_destination(self):
        # Given a guest that has computed for a second on one host and is
        # paused,
        guest = self.libvirtd.start_guest(libvirtd.LOOP, name='a')
        source = self.open()
        before = self.wait_for(
            source, guest, lambda now: now[2] >= 1000, 'CPU time'
        )
        guest.call('suspend')
        other = self.useFixture(libvirtd.Libvirtd())
        destination = self.open(other)

        # When it migrates to another,
        guest.migrate(other)

        # Then it has left the first, and is another process there.
        self.wait_for(source, guest, lambda now: now is None, 'departure')
        after = self.guest(destination, guest)
        self.assertEqual(before[0], after[0])
        self.assertNotEqual(before[1], after[1])
        self.assertLess(after[2], before[2])
