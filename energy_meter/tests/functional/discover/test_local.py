# SPDX-License-Identifier: Apache-2.0

"""Tests of discovery on machines simulated by umockdev."""

import re
import socket

from energy_meter.tests.functional.discover import base
from energy_meter.tests.functional.drivers import test_hwmon
from energy_meter.tests.functional.drivers import test_nvml
from energy_meter.tests.functional.drivers import test_power_supply
from energy_meter.tests.functional.drivers import test_rapl
from energy_meter.tests.functional.services import umockdev

HOST = socket.gethostname().partition('.')[0]

CORETEMP = (
    umockdev.device('/devices/platform/coretemp.0', 'platform'),
    umockdev.device(
        '/devices/platform/coretemp.0/hwmon/hwmon1',
        'hwmon',
        {'device': '../../../coretemp.0'},
        name='coretemp',
        temp1_input=40000,
    ),
)

ETHERNET = umockdev.device('/devices/virtual/net/eth0', 'net')

USB = '/devices/pci0000:00/usb1/1-1'
SERIAL = (
    umockdev.device(
        USB,
        'usb',
        idVendor='0403',
        idProduct='6001',
        bNumInterfaces=1,
        manufacturer='FTDI',
        product='FT232R USB UART',
        serial='A900',
    ),
    umockdev.device(f'{USB}/1-1:1.0', 'usb'),
    umockdev.device(f'{USB}/1-1:1.0/ttyUSB0', 'usb-serial'),
    umockdev.device(
        f'{USB}/1-1:1.0/ttyUSB0/tty/ttyUSB0',
        'tty',
        {'device': '../../../ttyUSB0'},
    ).replace(
        'E: SUBSYSTEM',
        'N: ttyUSB0\nS: serial/by-id/usb-FTDI_A900-port0\n'
        'E: DEVNAME=/dev/ttyUSB0\nE: SUBSYSTEM',
    ),
)


def dmi(vendor):
    return umockdev.device('/devices/virtual/dmi/id', 'dmi', sys_vendor=vendor)


def cpuinfo(machine, *flags):
    path = machine.sys.parent / 'proc' / 'cpuinfo'
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'flags\t\t: fpu vme {" ".join(flags)}\n')


class IBMServerTest(base.DiscoverTestCase):
    def test_energy_counter_is_found_and_read(self):
        self.on(dmi('IBM'), *test_hwmon.rack_server())

        self.write()

        self.assertEqual({f'{HOST}-aem2': ('node', None)}, self.read_once())

    def test_other_sensor_is_overlapping(self):
        self.on(dmi('IBM'), *test_hwmon.rack_server())

        outcome = self.discover()

        self.assertEqual(
            {'energy2': None, 'energy1': f'{HOST}-aem2'},
            {
                re.search('sensors = (.*)', finding['section'])[1]: finding[
                    'overlaps'
                ]
                for finding in outcome.findings
                if finding['section']
            },
        )

    def test_counter_value_is_reported(self):
        self.on(dmi('IBM'), *test_hwmon.rack_server())

        (first, *_) = filter(
            lambda each: each['section'], self.discover().findings
        )

        self.assertEqual(9123.456 / 3.6e6, first['probes'][0]['counter_kwh'])

    def test_missing_module_is_reported(self):
        self.on(dmi('IBM'), *CORETEMP)

        outcome = self.discover()

        self.assertEqual(1, outcome.status)
        self.assertIn(
            'IBM machines may have one, but the kernel module is not loaded: '
            'run modprobe ipmi_si ibmaem',
            outcome.reason('Active Energy Manager'),
        )

    def test_module_without_device_is_reported(self):
        machine = self.on(dmi('LENOVO'), *CORETEMP)
        (machine.sys / 'module/ibmaem').mkdir(parents=True)

        self.assertIn(
            'ibmaem is loaded, but found no Active Energy Manager',
            self.discover().reason('Active Energy Manager'),
        )


class LaptopTest(base.DiscoverTestCase):
    def test_battery_and_processor_are_found_and_read(self):
        self.on(*test_power_supply.LAPTOP, *test_rapl.LAPTOP)

        self.write()

        self.assertEqual(
            {
                f'{HOST}-BAT0': ('battery', 12.5),
                f'{HOST}-package-0': ('cpu-package', None),
            },
            self.read_once(),
        )

    def test_psys_is_overlapping(self):
        self.on(*test_rapl.LAPTOP)

        outcome = self.discover()

        self.assertEqual(
            {f'{HOST}-package-0': None, f'{HOST}-psys': f'{HOST}-package'},
            {
                finding['probes'][0]['probe']: finding['overlaps']
                for finding in outcome.findings
                if finding['probes']
            },
        )

    def test_charging_battery_is_reported(self):
        machine = self.on(*test_power_supply.LAPTOP)
        machine.set(f'{test_power_supply.BATTERY}/status', 'Charging\n')

        outcome = self.discover()

        self.assertEqual(1, outcome.status)
        self.assertIn(
            'its status is Charging',
            outcome.reason('battery or UPS BAT0'),
        )


class ServerTest(base.DiscoverTestCase):
    def test_packages_and_memory_are_found(self):
        self.on(*test_rapl.SERVER)

        self.assertEqual(
            {
                f'{HOST}-package-0': ('cpu-package', None),
                f'{HOST}-package-1': ('cpu-package', None),
                f'{HOST}-package-0-dram': ('dram', None),
                f'{HOST}-package-1-dram': ('dram', None),
            },
            self.discover().metered,
        )

    def test_rapl_without_permission_is_reported(self):
        machine = self.on(*test_rapl.SERVER)
        for zone in ('intel-rapl:0', 'intel-rapl:1'):
            machine.forbid(f'class/powercap/{zone}/energy_uj')

        outcome = self.discover()

        self.assertIn('since CVE-2020-8694', outcome.output)
        self.assertIn(
            'root can read 2 counters',
            outcome.reason('RAPL package-0, package-1'),
        )

    def test_rapl_without_module_is_reported(self):
        machine = self.on(*CORETEMP)
        cpuinfo(machine)

        self.assertIn(
            'modprobe intel_rapl_msr', self.discover().reason('RAPL')
        )

    def test_chip_without_power_is_reported(self):
        machine = self.on(*CORETEMP)
        cpuinfo(machine)

        reason = self.discover().reason('hwmon')

        self.assertIn(
            'measure temperatures, fans or voltages (coretemp), but not power '
            'or energy',
            reason,
        )

    def test_acpi_meter_is_found_and_read(self):
        self.on(*test_hwmon.ACPI_METER)

        self.write()

        self.assertEqual(
            {f'{HOST}-power_meter': ('node', 182.5)}, self.read_once()
        )

    def test_acpi_meter_without_module_is_reported(self):
        self.on(umockdev.device('/devices/LNXSYSTM:00/ACPI000D:00', 'acpi'))

        self.assertIn(
            'modprobe acpi_power_meter',
            self.discover().reason('ACPI power meter'),
        )

    def test_acpi_meter_without_value_is_reported(self):
        machine = self.on(*test_hwmon.ACPI_METER)
        machine.set(test_hwmon.ACPI_POWER, '4294967295000\n')

        self.assertIn(
            'shows no value', self.discover().reason('hwmon chip power_meter')
        )

    def test_chips_with_same_name_are_found_and_read(self):
        devices = [
            umockdev.device(f'/devices/platform/i2c-1/1-004{number}', 'i2c')
            for number in (0, 1)
        ]
        devices += [
            umockdev.device(
                f'/devices/platform/i2c-1/1-004{number}/hwmon/hwmon{number}',
                'hwmon',
                {'device': f'../../../1-004{number}'},
                name='ina238',
                power1_input=1000000 * (number + 1),
            )
            for number in (0, 1)
        ]
        self.on(*devices)

        self.write()

        self.assertEqual(
            {
                f'{HOST}-ina238-1-0040': ('other', 1.0),
                f'{HOST}-ina238-1-0041': ('other', 2.0),
            },
            self.read_once(),
        )

    def test_local_bmc_is_reported(self):
        self.on(
            umockdev.device('/devices/platform/ipmi/ipmi0', 'ipmi').replace(
                'E: SUB', 'N: ipmi0\nE: DEVNAME=/dev/ipmi0\nE: SUB'
            )
        )

        self.assertIn('--ipmi ADDRESS', self.discover().reason('BMC'))

    def test_bmc_without_module_is_reported(self):
        self.on(umockdev.device('/devices/LNXSYSTM:00/IPI0001:00', 'acpi'))

        self.assertIn(
            'modprobe ipmi_si ipmi_devintf', self.discover().reason('BMC')
        )

    def test_serial_port_is_reported_without_test(self):
        self.on(*SERIAL)

        reason = self.discover().reason('serial port')

        self.assertIn('USB 0403:6001 FTDI FT232R USB UART', reason)
        self.assertIn('Watts Up? meters have this chip', reason)
        self.assertIn('--serial /dev/serial/by-id/usb-FTDI_A900-port0', reason)


class GPUTest(base.DiscoverTestCase):
    #: A card in the slots of the machine.
    CARD = umockdev.device(
        '/devices/pci0000:00/0000:01:00.0',
        'pci',
        vendor='0x10de',
        **{'class': '0x030200'},
    )

    def library(self, *gpus):
        """Return the environment of a machine with these GPUs."""
        stub = self.useFixture(test_nvml.Library())
        stub.set(*gpus)
        return stub.environment

    def test_gpus_are_found_by_uuid(self):
        environment = self.library(
            test_nvml.GPU('GPU-a', 3_600_000_000, 250_500),
            test_nvml.GPU('GPU-b', 0, error=test_nvml.LOST),
            test_nvml.GPU('GPU-c', mw=70_000),
        )
        self.on(self.CARD)

        outcome = self.discover(**environment)

        self.assertEqual(
            {f'{HOST}-gpu0': ('gpu', 250.5), f'{HOST}-gpu2': ('gpu', 70.0)},
            outcome.metered,
        )
        (section,) = outcome.sections
        self.assertIn('gpus = GPU-a, GPU-c\n', section)
        self.assertIn(f'probes = {HOST}-gpu0, {HOST}-gpu2\n', section)
        self.assertIn('cannot read its UUID', outcome.reason('NVIDIA GPU 1'))

    def test_card_without_kernel_module_is_reported(self):
        environment = self.library()
        self.on(self.CARD)

        self.assertIn(
            'the kernel module nvidia is not loaded',
            self.discover(**environment).reason('NVIDIA GPUs'),
        )

    def test_machine_without_a_card_has_no_finding(self):
        environment = self.library()
        self.on(ETHERNET)

        self.assertNotIn('NVIDIA', self.discover(**environment).output)


class VirtualMachineTest(base.DiscoverTestCase):
    def test_virtual_machine_is_reported(self):
        machine = self.on(ETHERNET)
        cpuinfo(machine, 'hypervisor')

        outcome = self.discover()

        self.assertEqual(1, outcome.status)
        self.assertEqual([], outcome.sections)
        self.assertIn('Meter the host', outcome.reason('RAPL'))
        self.assertIn('virtual machine', outcome.reason('hwmon'))
        self.assertIn('virtual machine', outcome.reason('BMC'))
