# SPDX-License-Identifier: Apache-2.0

"""PCI devices that are passed through to instances."""

import fixtures
from oslotest import base

from energy_meter import cpu_usage
from energy_meter.drivers.libvirt import instances
from energy_meter.drivers.libvirt import passthrough
from energy_meter.tests.unit.drivers.libvirt import fakes

GPU = passthrough.Address(0, 0x3B, 0, 0)

#: Parts of a domain as Nova 27 and libvirt 9.0 write them: two GPUs, one of
#: them with its audio function, a virtual function of a network card, a disk
#: in NVMe memory, a mediated device, a USB device and a file.
DOMAIN = """
<domain type='kvm' id='7'>
  <name>instance-0000001c</name>
  <devices>
    <disk type='file' device='disk'>
      <source file='/var/lib/nova/instances/c7a5/disk' index='1'/>
      <target dev='vda' bus='virtio'/>
      <address type='pci' domain='0x0000' bus='0x04' slot='0x00'
               function='0x0'/>
    </disk>
    <disk type='nvme' device='disk'>
      <source type='pci' managed='yes' namespace='1'>
        <address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
      </source>
    </disk>
    <interface type='hostdev' managed='yes'>
      <mac address='fa:16:3e:0c:52:21'/>
      <source>
        <address type='pci' domain='0x0000' bus='0x81' slot='0x10'
                 function='0x2'/>
      </source>
    </interface>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <driver name='vfio'/>
      <source>
        <address domain='0x0000' bus='0x3b' slot='0x00' function='0x0'/>
      </source>
      <address type='pci' domain='0x0000' bus='0x06' slot='0x00'
               function='0x0'/>
    </hostdev>
    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source>
        <address domain='0x10000' bus='0xaf' slot='0x1f' function='0x7'/>
      </source>
    </hostdev>
    <hostdev mode='subsystem' type='mdev' managed='no' model='vfio-pci'>
      <source>
        <address uuid='4b20d080-1b54-4048-85b3-a6a62d165c01'/>
      </source>
    </hostdev>
    <hostdev mode='subsystem' type='usb'>
      <source><address bus='1' device='3'/></source>
    </hostdev>
  </devices>
</domain>
"""


class OptionTest(base.BaseTestCase):
    def test_addresses_are_those_that_lspci_prints(self):
        self.assertEqual(
            {
                'gpu-0': GPU,
                'gpu=1': passthrough.Address(0x10000, 0xAF, 0x1F, 7),
                'gpu-2': passthrough.Address(0, 0x5E, 0, 0),
            },
            passthrough.parse_option(
                [
                    'gpu-0=0000:3b:00.0',
                    'gpu=1 = 10000:AF:1f.7',
                    'gpu-2=5e:00.0',
                ]
            ),
        )

    def test_invalid_devices_are_rejected(self):
        option = passthrough.Option()
        for text, reason in (
            ('gpu', "found 'gpu'"),
            ('=0000:3b:00.0', 'expected PROBE=ADDRESS'),
            ('gpu=', 'expected PROBE=ADDRESS'),
            ('gpu=0000:3b:00', 'expected PROBE=ADDRESS'),
            ('gpu=0000:3b:00.8', 'expected PROBE=ADDRESS'),
            ('gpu=3b:00.0, gpu=3c:00.0', 'probe gpu occurs twice'),
            ('a=3b:00.0, b=0000:3B:00.0', 'would be billed twice'),
        ):
            error = self.assertRaises(ValueError, option, text)

            self.assertIn(reason, str(error))


class DomainTest(base.BaseTestCase):
    def test_devices_of_the_host_are_found(self):
        self.assertEqual(
            {
                GPU,
                passthrough.Address(0x10000, 0xAF, 0x1F, 7),
                passthrough.Address(0, 0x81, 0x10, 2),
                passthrough.Address(0, 1, 0, 0),
            },
            passthrough.parse_domain(DOMAIN),
        )


class InstancesTest(base.BaseTestCase):
    """Instances a and b of a host with two GPUs."""

    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.FakeLogger())
        self.useFixture(fakes.Machine())
        self.instances = instances.Instances(
            'info', {'gpu-1': GPU, 'gpu-2': GPU._replace(bus=0x3C)}
        )

    def assert_devices(self, *expected):
        self.assertEqual(
            tuple(map(cpu_usage.Device._make, expected)),
            self.instances.devices,
        )

    def test_instance_has_what_is_passed_through_to_it(self):
        domains = fakes.Domain('a'), fakes.Domain('b', buses=[0x3B, 0x7F])

        self.instances.refresh(domains, ())

        self.assert_devices(('gpu-1', 'b'), ('gpu-2', None))

    def test_device_that_is_attached_belongs_to_the_instance(self):
        domain = fakes.Domain('a')
        self.instances.refresh([domain], ())
        self.assert_devices(('gpu-1', None), ('gpu-2', None))

        domain.buses = [0x3C]
        self.instances.refresh([domain], ['a'])

        self.assert_devices(('gpu-1', None), ('gpu-2', 'a'))

    def test_inactive_instance_has_no_device(self):
        # libvirt keeps the devices of a domain that is shut off.
        self.instances.refresh([fakes.Domain('a', None, buses=[0x3B])], ())

        self.assert_devices(('gpu-1', None), ('gpu-2', None))

    def test_domain_of_others_has_no_device(self):
        self.instances.refresh([fakes.Domain('a', text='', buses=[0x3B])], ())

        self.assert_devices(('gpu-1', None), ('gpu-2', None))
