# SPDX-License-Identifier: Apache-2.0

"""RAPL: selection of zones, rollover and permissions."""

import errno
import pathlib
from unittest import mock

import fixtures
from oslotest import base

from energy_meter import accumulator
from energy_meter import exception
from energy_meter.drivers import rapl
from energy_meter.tests import drivers
from energy_meter.tests import sysfs

RANGE = 262_143_328_850


def zones(**names):
    """Return attributes of zones: ``rapl_0_1='dram'`` is intel-rapl:0:1."""
    attributes = {}
    for number, (path, name) in enumerate(names.items(), 1):
        zone = 'intel-' + path.replace('_', ':')
        attributes |= {
            f'{zone}/name': name,
            f'{zone}/energy_uj': str(number * 1000),
            f'{zone}/max_energy_range_uj': str(RANGE),
        }
    return attributes


TWO_SOCKETS = {'intel-rapl/enabled': '1'} | zones(
    rapl_0='package-0',
    rapl_0_0='core',
    rapl_0_1='dram',
    rapl_1='package-1',
    rapl_1_0='core',
    rapl_1_1='dram',
)

LAPTOP = {
    'intel-rapl-mmio/enabled': '1',
    'intel-rapl-mmio:0/name': 'package-0',
    'intel-rapl-mmio:0/energy_uj': '999',
    'intel-rapl-mmio:0/max_energy_range_uj': str(RANGE),
    'intel-rapl-mmio:0:0/name': 'dram',
    'intel-rapl-mmio:0:0/energy_uj': '999',
    'intel-rapl-mmio:0:0/max_energy_range_uj': str(RANGE),
} | zones(
    rapl_0='package-0', rapl_0_0='core', rapl_0_1='uncore', rapl_1='psys'
)


class RAPLTest(base.BaseTestCase):
    def machine(self, attributes):
        self.tree = self.useFixture(sysfs.Tree(attributes))
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.drivers.rapl.RAPL.directory', self.tree.path
            )
        )

    def make(self, *probes, **options):
        driver = drivers.make(rapl.RAPL, *probes, **options)
        driver.open()
        return driver

    def open_error(self, *probes, **options):
        return str(
            self.assertRaises(
                exception.DriverError, self.make, *probes, **options
            )
        )

    def ticks(self, driver):
        return {reading.probe: reading.ticks for reading in driver.read()}

    def test_packages_precede_their_memory(self):
        self.machine(TWO_SOCKETS)
        driver = self.make('cpu-0', 'cpu-1', 'dram-0', 'dram-1')

        self.assertEqual(
            {'cpu-0': 1000, 'cpu-1': 4000, 'dram-0': 3000, 'dram-1': 6000},
            self.ticks(driver),
        )

    def test_counter_rolls_over_at_its_range(self):
        self.machine(TWO_SOCKETS)

        reading, *_ = self.make('cpu-0', 'cpu-1', None, None).read()

        self.assertEqual(
            (1e-6, RANGE),
            (reading.counter.joules_per_tick, reading.counter.rollover),
        )
        self.assertIsNone(reading.watts)

    def test_rollover_loses_no_energy(self):
        self.machine(zones(rapl_0='package-0'))
        driver = self.make('cpu')
        meter = None

        joules = 0.0
        for at, ticks in (
            (0, RANGE - 60_000_000),
            (1, RANGE - 10_000_000),
            (2, 40_000_000),
        ):
            self.tree.set('intel-rapl:0/energy_uj', str(ticks))
            (reading,) = driver.read()
            meter = meter or accumulator.make_accumulator(
                reading, 'auto', 300.0, 60.0
            )
            joules += meter.add(reading, float(at)).joules

        self.assertAlmostEqual(100.0, joules)

    def test_package_is_not_read_twice(self):
        self.machine(LAPTOP)

        self.assertEqual({'cpu': 1000}, self.ticks(self.make('cpu')))

    def test_psys_is_read_if_configured(self):
        self.machine(LAPTOP)

        self.assertEqual(
            {'laptop': 4000}, self.ticks(self.make('laptop', zones=['psys']))
        )

    def test_parts_of_a_package_are_read_if_configured(self):
        self.machine(TWO_SOCKETS)
        driver = self.make('core-0', 'core-1', zones=['core'])

        self.assertEqual({'core-0': 2000, 'core-1': 5000}, self.ticks(driver))

    def test_overlapping_zones_are_an_error(self):
        self.machine(LAPTOP)

        for pair in (
            ['package', 'core'],
            ['uncore', 'package'],
            ['dram', 'psys'],
            ['psys', 'package'],
        ):
            self.assertIn(
                f'zones {" and ".join(pair)} count the same energy',
                self.open_error('a', 'b', zones=pair),
            )

    def test_several_zones_for_one_probe_are_an_error(self):
        self.machine(TWO_SOCKETS)

        self.assertIn(
            'RAPL has 4 channels (package-0, package-1, '
            'package-0/dram, package-1/dram), but probes has '
            'places for 1',
            self.open_error('node'),
        )

    def test_lists_zones_as_channels(self):
        self.machine(TWO_SOCKETS)

        self.assertEqual(
            [
                ('1', 'package-0'),
                ('2', 'package-1'),
                ('3', 'package-0/dram'),
                ('4', 'package-1/dram'),
            ],
            [
                (channel.index, channel.name)
                for channel in self.make().channels()
            ],
        )

    def test_zones_of_equal_name_are_distinguished(self):
        # Given two packages of the same name,
        self.machine(
            zones(rapl_0='package-0', rapl_1='package-0', rapl_2='package-2')
        )

        # when all are metered,
        driver = self.make('a', 'b', 'c')

        # then each is a channel, and none is lost.
        self.assertEqual(
            [
                'package-0@intel-rapl:0',
                'package-0@intel-rapl:1',
                'package-2',
            ],
            [channel.name for channel in driver.channels()],
        )
        self.assertEqual({'a': 1000, 'b': 2000, 'c': 3000}, self.ticks(driver))

    def test_machine_without_rapl_is_an_error(self):
        self.machine({})

        self.assertIn('no RAPL zone in', self.open_error('node'))

    def test_missing_permission_is_an_error(self):
        self.machine(zones(rapl_0='package-0'))
        driver = self.make('cpu')

        with mock.patch.object(
            pathlib.Path,
            'read_text',
            side_effect=PermissionError(errno.EACCES, 'no'),
        ):
            error = self.assertRaises(exception.DeviceUnreachable, driver.read)

        self.assertEqual(
            f'{self.tree.path}/intel-rapl:0/energy_uj did not answer: '
            f'Permission denied: only root may read it since CVE-2020-8694, '
            f'which allowed programs to spy on others',
            str(error),
        )

    def test_removed_zone_is_an_error(self):
        self.machine(zones(rapl_0='package-0'))
        driver = self.make('cpu')
        (self.tree.path / 'intel-rapl:0/energy_uj').unlink()

        error = self.assertRaises(exception.DeviceUnreachable, driver.read)

        self.assertIn('No such file', str(error))

    def test_empty_attribute_is_omitted(self):
        self.machine(zones(rapl_0='package-0'))
        driver = self.make('cpu')
        self.tree.set('intel-rapl:0/energy_uj', '')

        self.assertEqual([], driver.read())
