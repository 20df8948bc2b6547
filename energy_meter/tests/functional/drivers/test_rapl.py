# SPDX-License-Identifier: Apache-2.0

"""RAPL on machines that umockdev makes up."""

from oslotest import base

from energy_meter import exception
from energy_meter import register
from energy_meter.tests.functional.services import umockdev

#: Where the counter of a common processor wraps, in microjoules.
RANGE = 262_143_328_850


def zone(number, name, microjoules, control='intel-rapl'):
    """Describe a zone: '0:1' is a part of '0'."""
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

    def bill(self, machine, course):
        """Let a register follow a counter, a second between values."""
        feed = None
        joules = []
        for at, microjoules in enumerate(course):
            machine.set(PACKAGE, f'{microjoules}\n')
            (reading,) = machine.read()
            feed = feed or register.feed_for(reading, 'auto', 300.0, 3.0)
            joules.append(round(feed.read(reading, float(at)).joules, 3))
        return joules

    def test_every_zone_of_a_server_once(self):
        machine = self.machine(*SERVER)
        machine.open('rapl', 'cpu-0', 'cpu-1', 'dram-0', 'dram-1')

        readings = machine.read()

        self.assertEqual(
            {'cpu-0': 100, 'cpu-1': 200, 'dram-0': 101, 'dram-1': 201},
            {each.probe: each.ticks for each in readings},
        )
        self.assertEqual(
            {(1e-6, RANGE)},
            {(each.counter.joules, each.counter.size) for each in readings},
        )

    def test_no_energy_of_a_laptop_twice(self):
        machine = self.machine(*LAPTOP)

        machine.open('rapl', 'cpu')
        self.assertEqual([100], [each.ticks for each in machine.read()])
        machine.open('rapl', 'laptop', zones=['psys'])
        self.assertEqual([300], [each.ticks for each in machine.read()])

    def test_a_wrap_loses_nothing(self):
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

    def test_a_reset_bills_nothing(self):
        machine = self.machine(*LAPTOP)
        machine.open('rapl', 'cpu')

        # The modulus would make it 252 kJ, more than it can have used.
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

    def test_a_secret_counter(self):
        machine = self.machine(*LAPTOP)
        machine.open('rapl', 'cpu')
        machine.forbid(PACKAGE)

        error = self.assertRaises(exception.DriverError, machine.read)

        self.assertEqual(
            '/sys/class/powercap/intel-rapl:0/energy_uj did not answer: '
            'Permission denied: since CVE-2020-8694, in which programs were '
            'spied upon through it, only root may read it',
            str(error),
        )

    def test_a_broken_counter(self):
        machine = self.machine(*LAPTOP)
        machine.open('rapl', 'cpu')
        machine.damage(PACKAGE)

        error = self.assertRaises(exception.DriverError, machine.read)

        self.assertIn('Input/output error', str(error))

    def test_a_module_that_is_unloaded(self):
        machine = self.machine(*LAPTOP)
        machine.open('rapl', 'cpu')
        machine.remove('class/powercap/intel-rapl:0')

        error = self.assertRaises(exception.DriverError, machine.read)

        self.assertIn('No such file or directory', str(error))

    def test_an_interrupted_read(self):
        machine = self.machine(*LAPTOP)
        machine.open('rapl', 'cpu')
        machine.set(PACKAGE, '')

        self.assertEqual([], machine.read())

    def test_a_virtual_machine(self):
        machine = self.machine(
            umockdev.device('/devices/virtual/net/eth0', 'net')
        )

        error = self.assertRaises(
            exception.DriverError, machine.open, 'rapl', 'node'
        )

        self.assertIn('no RAPL zone in /sys/class/powercap', str(error))
