# SPDX-License-Identifier: Apache-2.0

"""Instances that libvirt lists, and when their identities are read."""

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.libvirt import instances
from energy_meter.tests.unit.drivers.libvirt import fakes


class InstancesTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.machine = self.useFixture(fakes.Machine())
        self.instances = instances.Instances('auto', {})

    def refresh(self, *domains, changed=()):
        self.instances.refresh(domains, changed)

    def names(self):
        return [instance.name for instance in self.instances.all]

    def test_instances_are_in_order_of_their_uuids(self):
        self.machine.set_process(10, 'b', 1)
        self.machine.set_process(11, 'a', 2)

        self.refresh(fakes.Domain('b', 1), fakes.Domain('a', 2))

        self.assertEqual(
            ['a', 'b'], [each.uuid for each in self.instances.all]
        )
        self.assertEqual(
            [20, 10], [each[1] for each in self.instances.counters()]
        )

    def test_inactive_domain_holds_nothing(self):
        # libvirt reports its own CPU time for some of them.
        self.refresh(fakes.Domain('a', None, cpu=99))

        [instance] = self.instances.all
        self.assertFalse(instance.is_reserved)
        self.assertEqual((('', 0),), self.instances.counters())

    def test_domain_of_others_is_not_an_instance(self):
        for _ in range(2):
            self.refresh(fakes.Domain('a', text=''), changed=['a'])

        self.assertEqual((), self.instances.all)
        self.assertEqual((), self.instances.counters())
        self.assertEqual(1, self.log.output.count('no metadata of Nova'))

    def test_known_domain_is_not_read_again(self):
        domain = fakes.Domain('a')
        self.refresh(domain)

        self.refresh(domain)

        self.assertEqual(1, domain.reads)

    def test_changed_domain_keeps_its_process(self):
        self.machine.set_process(10, 'a', 5)
        self.refresh(fakes.Domain('a', text=fakes.metadata(name='old')))
        before = self.instances.counters()

        self.refresh(
            fakes.Domain('a', text=fakes.metadata(name='new')), changed=['a']
        )

        self.assertEqual(['new'], self.names())
        self.assertEqual(before, self.instances.counters())

    def test_domain_started_again_has_another_process(self):
        self.machine.set_process(10, 'a', 5, started=1)
        self.refresh(fakes.Domain('a', 1))
        [before] = self.instances.counters()
        self.machine.end_process(10)
        self.machine.set_process(12, 'a', 1, started=9)

        self.refresh(fakes.Domain('a', 2))

        [after] = self.instances.counters()
        self.assertNotEqual(before[0], after[0])
        self.assertEqual(10, after[1])

    def test_domain_that_is_starting_gets_its_process_later(self):
        # Given a domain that libvirt lists before its process exists,
        self.refresh(fakes.Domain('a', 1, cpu=0, is_starting=True))
        [instance] = self.instances.all
        self.assertTrue(instance.is_reserved)
        self.assertEqual((('', 0),), self.instances.counters())

        # When it has started,
        self.machine.set_process(10, 'a', 3)
        self.refresh(fakes.Domain('a', 1), changed=['a'])

        # Then the process is read, not libvirt.
        self.assertEqual((('process 10 7', 30),), self.instances.counters())

    def test_ended_process_has_no_time(self):
        self.machine.set_process(10, 'a', 5)
        self.refresh(fakes.Domain('a'))

        self.machine.end_process(10)

        self.assertEqual((('', 0),), self.instances.counters())

    def test_removed_domain_disappears(self):
        self.refresh(fakes.Domain('a'), fakes.Domain('b'))

        self.refresh(fakes.Domain('b'))

        self.assertEqual(['b'], [each.uuid for each in self.instances.all])

    def test_invisible_process_is_overhead_until_it_can_be_read(self):
        self.instances = instances.Instances('process', {})
        self.refresh(fakes.Domain('a', cpu=99))
        self.assertEqual((('', 0),), self.instances.counters())
        self.assertIn('no visible process', self.log.output)

        self.machine.set_process(10, 'a', 5)
        self.refresh(fakes.Domain('a', cpu=99))

        self.assertEqual(50, self.instances.counters()[0][1])
        self.assertIn('can be read again', self.log.output)

    def test_error_of_libvirt_is_not_an_ended_process(self):
        # Otherwise the whole CPU time of the process would count again.
        error = exception.DeviceUnreachable(device='x', reason='y')
        self.refresh(fakes.Domain('a', cpu=error))

        self.assertRaises(exception.DeviceUnreachable, self.instances.counters)

    def test_too_many_instances_are_an_error(self):
        domains = [
            fakes.Domain(str(number), None)
            for number in range(instances.MAX_INSTANCES + 1)
        ]
        self.refresh(*domains[1:])

        e = self.assertRaises(exception.DriverError, self.refresh, *domains)

        self.assertIn('751 instances; at most 750', str(e))
