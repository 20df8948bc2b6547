# SPDX-License-Identifier: Apache-2.0

"""RAPL on simulated machines (umockdev)."""

from oslotest import base

from energy_meter import accumulator
from energy_meter import exception
from energy_meter.tests.functional.services import umockdev

#: Range of the counter of a common processor, in microjoules.
RANGE = 262_143_328_850


def zone(number, name, microjoules, control='intel-rapl'):
    """Return a zone; '0:1' is a subzone of '0'."""
    parts = number.split(':')
    path = '/'.join(
        f'{control}:{":".join(parts[: depth + 1])}'
        for depth in range(len(parts))
    )
    return umockdev.device(
        f'/devices/virtual/powercap/{control}/{path}',
        'powercap',
        name=name,
        energy_uj=microjoules,
        max_energy_range_uj=RANGE,
    )


def control(name):
    return umockdev.device(
        f'/devices/virtual/powercap/{name}', 'powercap', enabled=1
    )


SERVER = (
    control('intel-rapl'),
    zone('0', 'package-0', 100),
    zone('0:0', 'dram', 101),
    zone('1', 'package-1', 200),
    zone('1:0', 'dram', 201),
)

LAPTOP = (
    control('intel-rapl'),
    zone('0', 'package-0', 100),
    zone('0:0', 'core', 101),
    zone('0:1', 'uncore', 102),
    zone('1', 'psys', 300),
    control('intel-rapl-mmio'),
    zone('0', 'package-0', 99, 'intel-rapl-mmio'),
)

PACKAGE = 'devices/virtual/powercap/intel-rapl/intel-rapl:0/energy_uj'


class RAPLTest(base.BaseTestCase):
    def machine(self, *devices):
        return self.useFixture(umockdev.Machine(*devices))

    def bill(self, machine, counts):
        """Return the energy billed for each count, at one count per second."""
        meter = None
        joules = []
        for at, microjoules in enumerate(counts):
            machine.set(PACKAGE, f'{microjoules}\n')
            (reading,) = machine.read()
            meter = meter or accumulator.make_accumulator(
                reading, 'auto', 300.0, 3.0
            )
            joules.append(round(meter.add(reading, float(at)).joules, 3))
        return joules

    def test_zones_of_a_server_are_read_once(self):
        machine = self.machine(*SERVER)
        machine.open('rapl', 'cpu-0', 'cpu-1', 'dram-0', 'dram-1')

        readings = machine.read()

        self.assertEqual(
            {'cpu-0': 100, 'cpu-1': 200, 'dram-0': 101, 'dram-1': 201},
            {reading.probe: reading.ticks for reading in readings},
        )
        self.assertEqual(
            {(1e-6, RANGE)},
            {
                (reading.counter.joules_per_tick, reading.counter.rollover)
                for reading in readings
            },
        )

    def test_zones_of_a_laptop_are_not_duplicated(self):
        machine = self.machine(*LAPTOP)

        machine.open('rapl', 'cpu')
        self.assertEqual([100], [reading.ticks for reading in machine.read()])
        machine.open('rapl', 'laptop', zones=['psys'])
        self.assertEqual([300], [reading.ticks for reading in machine.read()])

    def test_rollover_loses_no_energy(self):
        machine = self.machine(*LAPTOP)
        machine.open('rapl', 'cpu')

        self.assertEqual(
            [0, 100, 200, 150],
            self.bill(
                machine,
                (
                    RANGE - 250_000_000,
                    RANGE - 150_000_000,
                    50_000_000,
                    200_000_000,
                ),
            ),
        )

    def test_reset_bills_no_energy(self):
        machine = self.machine(*LAPTOP)
        machine.open('rapl', 'cpu')

        # As a rollover it would be 252 kJ, more than is plausible.
        self.assertEqual(
            [0, 50, 0, 0, 0, 150],
            self.bill(
                machine,
                (
                    10_000_000_000,
                    10_050_000_000,
                    0,
                    50_000_000,
                    100_000_000,
                    150_000_000,
                ),
            ),
        )

    def test_missing_permission_is_an_error(self):
        machine = self.machine(*LAPTOP)
        machine.open('rapl', 'cpu')
        machine.forbid(PACKAGE)

        error = self.assertRaises(exception.DriverError, machine.read)

        self.assertEqual(
            '/sys/class/powercap/intel-rapl:0/energy_uj did not answer: '
            'Permission denied: only root may read it since CVE-2020-8694, '
            'which allowed programs to spy on others',
            str(error),
        )

    def test_broken_counter_is_an_error(self):
        machine = self.machine(*LAPTOP)
        machine.open('rapl', 'cpu')
        machine.damage(PACKAGE)

        error = self.assertRaises(exception.DriverError, machine.read)

        self.assertIn('Input/output error', str(error))

    def test_unloaded_module_is_an_error(self):
        machine = self.machine(*LAPTOP)
        machine.open('rapl', 'cpu')
        machine.remove('class/powercap/intel-rapl:0')

        error = self.assertRaises(exception.DriverError, machine.read)

        self.assertIn('No such file or directory', str(error))

    def test_interrupted_read_is_omitted(self):
        machine = self.machine(*LAPTOP)
        machine.open('rapl', 'cpu')
        machine.set(PACKAGE, '')

        self.assertEqual([], machine.read())

    def test_virtual_machine_is_an_error(self):
        machine = self.machine(
            umockdev.device('/devices/virtual/net/eth0', 'net')
        )

        error = self.assertRaises(
            exception.DriverError, machine.open, 'rapl', 'node'
        )

        self.assertIn('no RAPL zone in /sys/class/powercap', str(error))
