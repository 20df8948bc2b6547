# SPDX-License-Identifier: Apache-2.0

"""Tests of distinguishing sensors of the machine from those of its parts."""

import string

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.drivers.ipmi import parts

SYSTEM_BOARD = 0x07

#: Names of sensors of whole machines: Dell, Supermicro, Fujitsu, Lenovo and
#: IBM, HPE, OpenBMC, Cisco, Intel.
MACHINE = (
    'Pwr Consumption',
    'System Level',
    'Power Meter',
    'Total Power',
    'Total_Power',
    'total_power',
    'Sys Power',
    'System Power',
    'POWER_USAGE',
    'Input Power',
    'Node Power',
    'Chassis Power',
    'Pwr',
    'ME Pwr',
    'ME_PMBPower',
    'Plane Power',
    'Balanced Power',
)

PART = (
    'CPU Power',
    'CPU1_Power',
    'CPU1 Pkg Pwr',
    'P0_Power',
    'P1 Power',
    'Proc 1 Power',
    'SysCPUPower',
    'Memory Power',
    'MEM_Power',
    'DIMM A1 Pwr',
    'DRAM Power',
    'PS1 Input Power',
    'PS2 Power In',
    'PSU1 Power',
    'PSU1_PIN',
    'PMB1Power',
    'Power Supply 1',
    'Power Supplies',
    'FAN Power',
    'SysFanPwr',
    'GPU3 Power',
    'PCIe Power',
    'PCI Riser 1 Pwr',
    'Slot 4 Power',
    'HDD Power',
    'NVMe 0 Power',
    'Disk Power',
    'Drive Bay Pwr',
    'NIC Power',
    'OCP Power',
    'VR P0 Power',
    'VRM 1',
    'HSBP 1 Pwr',
    'Battery Power',
)


class PartsTest(base.BaseTestCase):
    def test_sensors_of_machine_are_accepted(self):
        for name in MACHINE:
            self.assertFalse(parts.is_part(SYSTEM_BOARD, name), name)

    def test_sensors_of_parts_are_rejected_by_name(self):
        for name in PART:
            self.assertTrue(parts.is_part(SYSTEM_BOARD, name), name)

    def test_sensors_of_parts_are_rejected_by_entity(self):
        processor, memory, supply, fan, blade = 0x03, 0x20, 0x0A, 0x1D, 0x29
        for entity in (processor, memory, supply, fan):
            self.assertTrue(parts.is_part(entity, 'Power'))
        self.assertFalse(parts.is_part(blade, 'Power'))

    def test_unspecified_and_vendors_entities_are_accepted(self):
        for entity in (0x00, 0x01, 0x02, 0x13, 0x17, *range(0x90, 0x100)):
            self.assertFalse(parts.is_part(entity, 'Power'))

    @hypothesis.given(
        strategies.sampled_from(PART),
        strategies.text(string.digits + ' _-.', max_size=4),
        strategies.text(string.digits + ' _-.', max_size=4),
    )
    def test_surrounding_numbers_do_not_hide_part(self, name, before, after):
        for decorated in (f'{before}{name}{after}', name.upper()):
            self.assertTrue(parts.is_part(SYSTEM_BOARD, decorated))
