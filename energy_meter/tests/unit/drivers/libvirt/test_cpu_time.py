# SPDX-License-Identifier: Apache-2.0

"""Sources of the CPU time of a domain, and of the host."""

from hypothesis import given
from hypothesis import strategies as st
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.libvirt import cpu_time
from energy_meter.drivers.libvirt import host
from energy_meter.tests.unit.drivers.libvirt import fakes

SYSTEMD = r'/machine.slice/machine-qemu\x2d1\x2dinstance\x2d00000001.scope'
KOLLA = '/machine/qemu-1-instance-00000001.libvirt-qemu'


class SourceTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.machine = self.useFixture(fakes.Machine())

    def source(self, uuid='a', preference='auto', cpu=None):
        return cpu_time.choose(
            preference,
            fakes.Domain(uuid, 3, cpu=cpu),
            cpu_time.find_processes([uuid]).get(uuid),
        )

    def test_process_is_found_by_its_uuid(self):
        self.machine.set_process(10, 'a', started=5)
        self.machine.set_process(11, 'b', started=6)

        found = cpu_time.find_processes(['b', 'c'])

        self.assertEqual({'b': cpu_time.Process(11, 6)}, found)

    def test_two_processes_of_one_uuid_are_ambiguous(self):
        # Two hosts simulated on one machine, while a guest migrates.
        self.machine.set_process(10, 'a')
        self.machine.set_process(11, 'a')

        self.assertEqual({}, cpu_time.find_processes(['a']))

    def test_time_of_process_is_user_and_system(self):
        self.machine.set_process(10, 'a', ticks=123)

        self.assertEqual(1230, self.source().read())

    def test_other_process_with_the_same_id_is_not_read(self):
        self.machine.set_process(10, 'a', ticks=5, started=1)
        source = self.source()

        self.machine.set_process(10, 'other', ticks=999, started=2)

        self.assertIsNone(source.read())

    def test_ended_process_has_no_time(self):
        self.machine.set_process(10, 'a', ticks=5)
        source = self.source()

        self.machine.end_process(10)

        self.assertIsNone(source.read())

    def test_cgroup_of_the_domain_is_preferred(self):
        for scope in (SYSTEMD, KOLLA):
            for child in ('', '/libvirt/emulator', '/libvirt'):
                self.machine.set_process(10, 'a', 5, cgroup=scope + child)
                self.machine.set_cgroup(scope, 98_765)

                self.assertEqual(98, self.source().read(), scope + child)

    def test_removed_cgroup_has_no_time(self):
        self.machine.set_process(10, 'a', 5, cgroup=KOLLA)
        directory = self.machine.set_cgroup(KOLLA, 1)
        source = self.source()

        (directory / 'cpu.stat').unlink()

        self.assertIsNone(source.read())

    def test_cgroup_of_several_programs_is_not_used(self):
        cgroup = '/user.slice/user-1000.slice/session-1.scope'
        self.machine.set_process(10, 'a', 5, cgroup=cgroup)
        self.machine.set_cgroup(cgroup, 98_765)

        self.assertEqual(50, self.source().read())
        self.assertIsNone(self.source(preference='cgroup'))

    def test_cgroup_that_is_not_mounted_is_not_used(self):
        self.machine.set_process(10, 'a', 5, cgroup=KOLLA)

        self.assertEqual(50, self.source().read())

    def test_invisible_process_is_read_by_libvirt(self):
        self.assertEqual(77, self.source(cpu=77).read())
        self.assertIsNone(self.source(preference='process'))

    def test_preference_excludes_other_sources(self):
        self.machine.set_process(10, 'a', 5, cgroup=KOLLA)
        self.machine.set_cgroup(KOLLA, 60_000)

        values = {
            preference: self.source(preference=preference, cpu=70).read()
            for preference in ('cgroup', 'process', 'info')
        }

        self.assertEqual({'cgroup': 60, 'process': 50, 'info': 70}, values)

    def test_sources_and_processes_have_different_names(self):
        self.machine.set_process(10, 'a', 5, started=1, cgroup=KOLLA)
        self.machine.set_cgroup(KOLLA, 60_000)
        names = {
            self.source(preference=preference).process
            for preference in ('cgroup', 'process', 'info')
        }
        self.machine.set_process(10, 'a', 5, started=2, cgroup=KOLLA)
        names.add(self.source(preference='process').process)

        self.assertEqual(4, len(names))


class BusyTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.machine = self.useFixture(fakes.Machine())

    def test_waiting_and_stolen_time_is_not_busy(self):
        self.machine.set_busy(1, 2, 4, 1000, 1000, 8, 16, 1000, 1)

        self.assertEqual(310, host.busy_time(None))

    @given(st.integers(0, 2**60))
    def test_busy_time_of_a_cgroup_is_rounded_down(self, microseconds):
        directory = self.machine.set_cgroup('/hosts', microseconds)

        milliseconds = host.busy_time(str(directory))

        self.assertTrue(0 <= microseconds - 1000 * milliseconds < 1000)

    def test_missing_cgroup_is_an_error(self):
        e = self.assertRaises(
            exception.DeviceUnreachable,
            host.busy_time,
            str(self.machine.cgroups / 'x'),
        )

        self.assertIn('x/cpu.stat did not answer: No such file', str(e))

    def test_file_of_another_format_is_an_error(self):
        directory = self.machine.set_cgroup('/hosts', 1)
        (directory / 'cpu.stat').write_text('nr_periods 0\n')

        self.assertRaises(
            exception.ProtocolError, host.busy_time, str(directory)
        )

    def test_capacity_is_positive(self):
        self.assertLess(0, host.threads())
        self.assertLess(0, host.memory())
