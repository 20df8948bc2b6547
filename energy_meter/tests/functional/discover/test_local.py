# SPDX-License-Identifier: Apache-2.0

"""What is found on machines that umockdev makes up."""

import re
import socket

from energy_meter.tests.functional.discover import base
from energy_meter.tests.functional.drivers import test_hwmon
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


def dmi(maker):
    return umockdev.device('/devices/virtual/dmi/id', 'dmi', sys_vendor=maker)


def cpuinfo(machine, *flags):
    path = machine.sys.parent / 'proc' / 'cpuinfo'
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'flags\t\t: fpu vme {" ".join(flags)}\n')


class IBMServerTest(base.DiscoverTest):
    def test_its_counter_is_found_and_starts_unchanged(self):
        self.on(dmi('IBM'), *test_hwmon.rack_server())

        self.write()

        self.assertEqual({f'{HOST}-aem2': ('node', None)}, self.once())

    def test_its_other_meter_is_an_alternative(self):
        self.on(dmi('IBM'), *test_hwmon.rack_server())

        outcome = self.discover()

        self.assertEqual(
            {'energy2': None, 'energy1': f'{HOST}-aem2'},
            {
                re.search('sensors = (.*)', found['section'])[1]: found[
                    'overlaps'
                ]
                for found in outcome.findings
                if found['section']
            },
        )

    def test_what_it_counts_is_shown(self):
        self.on(dmi('IBM'), *test_hwmon.rack_server())

        (first, *_) = self.discover().findings

        self.assertEqual(9123.456 / 3.6e6, first['probes'][0]['counter_kwh'])

    def test_the_module_is_not_loaded(self):
        self.on(dmi('IBM'), *CORETEMP)

        outcome = self.discover()

        self.assertEqual(1, outcome.status)
        self.assertIn(
            'a machine of IBM may have one, but the kernel module '
            'is not loaded: modprobe ipmi_si ibmaem',
            outcome.why('Active Energy Manager'),
        )

    def test_the_module_found_nothing(self):
        machine = self.on(dmi('LENOVO'), *CORETEMP)
        (machine.sys / 'module/ibmaem').mkdir(parents=True)

        self.assertIn(
            'the module ibmaem is loaded, but found no Active Energy Manager',
            self.discover().why('Active Energy Manager'),
        )


class LaptopTest(base.DiscoverTest):
    def test_battery_and_processor_start_unchanged(self):
        self.on(*test_power_supply.LAPTOP, *test_rapl.LAPTOP)

        self.write()

        self.assertEqual(
            {
                f'{HOST}-BAT0': ('battery', 12.5),
                f'{HOST}-package-0': ('cpu-package', None),
            },
            self.once(),
        )

    def test_psys_is_an_alternative(self):
        self.on(*test_rapl.LAPTOP)

        outcome = self.discover()

        self.assertEqual(
            {f'{HOST}-package-0': None, f'{HOST}-psys': f'{HOST}-package'},
            {
                found['probes'][0]['probe']: found['overlaps']
                for found in outcome.findings
                if found['probes']
            },
        )

    def test_plugged_in(self):
        machine = self.on(*test_power_supply.LAPTOP)
        machine.set(f'{test_power_supply.BATTERY}/status', 'Charging\n')

        outcome = self.discover()

        self.assertEqual(1, outcome.status)
        self.assertIn(
            'it is Charging, not discharging',
            outcome.why('battery or UPS BAT0'),
        )


class ServerTest(base.DiscoverTest):
    def test_sockets_and_memory(self):
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

    def test_rapl_shows_nothing_because_only_root_may_read_it(self):
        machine = self.on(*test_rapl.SERVER)
        for zone in ('intel-rapl:0', 'intel-rapl:1'):
            machine.forbid(f'class/powercap/{zone}/energy_uj')

        outcome = self.discover()

        self.assertIn('since CVE-2020-8694', outcome.printed)
        self.assertIn(
            'root would see 2 counters here',
            outcome.why('RAPL package-0, package-1'),
        )

    def test_rapl_shows_nothing_because_the_module_is_not_loaded(self):
        machine = self.on(*CORETEMP)
        cpuinfo(machine)

        self.assertIn('modprobe intel_rapl_msr', self.discover().why('RAPL'))

    def test_sensors_shows_only_temperatures(self):
        machine = self.on(*CORETEMP)
        cpuinfo(machine)

        why = self.discover().why('hwmon')

        self.assertIn(
            'coretemp: these chips measure temperatures, fans or '
            'voltages, none of them power or energy',
            why,
        )

    def test_an_acpi_meter_starts_unchanged(self):
        self.on(*test_hwmon.ACPI_METER)

        self.write()

        self.assertEqual({f'{HOST}-power_meter': ('node', 182.5)}, self.once())

    def test_an_acpi_meter_without_its_module(self):
        self.on(umockdev.device('/devices/LNXSYSTM:00/ACPI000D:00', 'acpi'))

        self.assertIn(
            'modprobe acpi_power_meter',
            self.discover().why('ACPI power meter'),
        )

    def test_an_acpi_meter_whose_firmware_fails(self):
        machine = self.on(*test_hwmon.ACPI_METER)
        machine.set(test_hwmon.ACPI_POWER, '4294967295000\n')

        self.assertIn(
            'shows no value', self.discover().why('hwmon chip power_meter')
        )

    def test_chips_of_one_name_start_unchanged(self):
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
            self.once(),
        )

    def test_a_bmc_of_its_own(self):
        self.on(
            umockdev.device('/devices/platform/ipmi/ipmi0', 'ipmi').replace(
                'E: SUB', 'N: ipmi0\nE: DEVNAME=/dev/ipmi0\nE: SUB'
            )
        )

        self.assertIn('--ipmi ADDRESS', self.discover().why('BMC'))

    def test_a_bmc_without_its_module(self):
        self.on(umockdev.device('/devices/LNXSYSTM:00/IPI0001:00', 'acpi'))

        self.assertIn(
            'modprobe ipmi_si ipmi_devintf', self.discover().why('BMC')
        )

    def test_a_serial_port_is_named_but_not_asked(self):
        self.on(*SERIAL)

        why = self.discover().why('serial port')

        self.assertIn('USB 0403:6001 FTDI FT232R USB UART', why)
        self.assertIn('a Watts Up? has this chip', why)
        self.assertIn('--serial /dev/serial/by-id/usb-FTDI_A900-port0', why)


class VirtualMachineTest(base.DiscoverTest):
    def test_nothing_can_be_metered_and_it_says_why(self):
        machine = self.on(ETHERNET)
        cpuinfo(machine, 'hypervisor')

        outcome = self.discover()

        self.assertEqual(1, outcome.status)
        self.assertEqual([], outcome.sections)
        self.assertIn('Meter the host', outcome.why('RAPL'))
        self.assertIn('virtual machine', outcome.why('hwmon'))
        self.assertIn('virtual machine', outcome.why('BMC'))
