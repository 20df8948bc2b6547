# SPDX-License-Identifier: Apache-2.0

"""NVIDIA GPUs: nvidia-ml-py with a stub of the driver's library."""

import os
import pathlib
import unittest

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers import nvml
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import driver

STUB = pathlib.Path(__file__).with_name('libnvidia-ml.c')
DRIVER = f'{nvml.__name__}:{nvml.NVML.__name__}'
LOST = 15


class GPU:
    """Line of the stub's file."""

    def __init__(self, uuid, mj=-1, mw=-1, error=0, mig=0):
        self.line = f'{uuid} {error} {mj} {mw} {mig}\n'


class Library(fixtures.Fixture):
    """Stub of NVIDIA's library, which reads the GPUs from a file.

    :param flags: options of the compiler.
    :param is_installed: whether to install the stub.
    :ivar environment: variables of the programs that use the library.
    """

    def __init__(self, *flags, is_installed=True):
        super().__init__()
        self._flags = flags
        self._is_installed = is_installed

    def _setUp(self):
        if nvml.pynvml is None:
            raise unittest.SkipTest('nvidia-ml-py is not installed')
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self._file = directory / 'gpus'
        self.environment = {
            'LD_LIBRARY_PATH': os.fspath(directory),
            'NVML_STUB': os.fspath(self._file),
        }
        if self._is_installed:
            services.run(
                [
                    services.program('gcc'),
                    '-shared',
                    '-fPIC',
                    '-Wall',
                    '-Werror',
                    *self._flags,
                    '-o',
                    directory / 'libnvidia-ml.so.1',
                    STUB,
                ]
            )

    def set(self, *gpus):
        """Replace the GPUs; without any, the kernel module is missing."""
        self._file.write_text(''.join(gpu.line for gpu in gpus))


class NVMLTest(base.BaseTestCase):
    def machine(self, *gpus, flags=(), library=True):
        """Start a driver process on a machine with these GPUs."""
        stub = self.useFixture(Library(*flags, is_installed=library))
        stub.set(*gpus)
        self.set = stub.set
        return self.useFixture(driver.DriverProcess(**stub.environment))

    def open_error(self, machine, *probes, **options):
        return str(
            self.assertRaises(
                exception.DriverError, machine.open, DRIVER, *probes, **options
            )
        )

    def values(self, machine):
        return [
            (reading.probe, reading.ticks, reading.watts)
            for reading in machine.read()
        ]

    def test_energy_counter_and_power_are_read(self):
        machine = self.machine(
            GPU('GPU-a', 123_456_789_012_345, 250_500),
            GPU('GPU-b', mw=70_000),
            GPU('GPU-c', mj=5),
        )
        machine.open(DRIVER, 'a', 'b', 'c')

        readings = machine.read()

        self.assertEqual(
            [
                ('a', 123_456_789_012_345, 250.5),
                ('b', None, 70.0),
                ('c', 5, None),
            ],
            [(each.probe, each.ticks, each.watts) for each in readings],
        )
        self.assertEqual(1e-3, readings[0].counter.joules_per_tick)
        self.assertIsNone(readings[0].counter.rollover)
        self.assertIsNone(readings[1].counter)

    def test_lists_gpus_by_index_and_uuid(self):
        machine = self.machine(GPU('GPU-a', 1), GPU('GPU-b', 1))
        machine.open(DRIVER)

        self.assertEqual([('0', 'GPU-a'), ('1', 'GPU-b')], machine.channels())

    def test_gpus_are_selected_by_uuid_or_index(self):
        machine = self.machine(
            GPU('GPU-a', 1), GPU('GPU-b', 2), GPU('GPU-c', 3)
        )
        machine.open(DRIVER, 'c', 'a', gpus=['GPU-c', '0'])

        self.assertEqual(
            [('c', 3, None), ('a', 1, None)], self.values(machine)
        )
        self.assertEqual([('2', 'GPU-c'), ('0', 'GPU-a')], machine.channels())

    def test_gpu_listed_twice_is_an_error(self):
        machine = self.machine(GPU('GPU-a', 1), GPU('GPU-b', 2))

        self.assertIn(
            'NVML has 1 channels (GPU-a), but probes has places for 2',
            self.open_error(machine, 'a', 'b', gpus=['0', 'GPU-a']),
        )

    def test_lost_gpu_costs_only_its_probe_until_it_is_back(self):
        # Given two GPUs,
        machine = self.machine(GPU('GPU-a', 1), GPU('GPU-b', 2))
        machine.open(DRIVER, 'a', 'b')
        self.assertEqual(2, len(machine.read()))

        # when one falls off the bus,
        self.set(GPU('GPU-a', 1, error=LOST), GPU('GPU-b', 3))

        # then the other is read,
        self.assertEqual([('b', 3, None)], self.values(machine))

        # and both are after a reset.
        self.set(GPU('GPU-a', 0), GPU('GPU-b', 4))
        self.assertEqual(
            [('a', 0, None), ('b', 4, None)], self.values(machine)
        )

    def test_gpu_lost_before_the_start_costs_only_its_probe(self):
        machine = self.machine(GPU('GPU-a', 1, error=LOST), GPU('GPU-b', 2))

        for options in ({}, {'gpus': ['GPU-a', 'GPU-b']}):
            machine.open(DRIVER, 'a', 'b', **options)

            self.assertEqual([('b', 2, None)], self.values(machine))
            machine.close()

    def test_last_gpu_lost_is_an_error(self):
        machine = self.machine(GPU('GPU-a', 1))
        machine.open(DRIVER, 'a')
        self.set(GPU('GPU-a', 1, error=LOST))

        e = self.assertRaises(exception.DriverError, machine.read)

        self.assertEqual(
            'GPU GPU-a did not answer: the GPU is lost: it fell off the bus',
            str(e),
        )

    def test_unknown_error_is_not_a_missing_counter(self):
        # An error of the counter must not switch to integrated power.
        machine = self.machine(GPU('GPU-a', 1, 70_000))
        machine.open(DRIVER, 'a')
        self.set(GPU('GPU-a', 1, 70_000, error=999))

        e = self.assertRaises(exception.DriverError, machine.read)

        self.assertEqual('GPU GPU-a did not answer: Unknown Error', str(e))

    def test_gpu_without_energy_and_power_is_an_error(self):
        for mig, text in ((0, 'nor its power'), (1, '; it is in MIG mode')):
            machine = self.machine(GPU('GPU-a', mig=mig))
            machine.open(DRIVER, 'a')

            e = self.assertRaises(exception.DriverError, machine.read)

            self.assertTrue(str(e).endswith(text), e)

    def test_mig_instance_is_an_error(self):
        machine = self.machine(GPU('GPU-a', 1, mig=1))

        self.assertIn(
            'gpus: MIG-1 is a MIG instance',
            self.open_error(machine, 'a', gpus=['MIG-1']),
        )

    def test_invalid_name_is_an_error(self):
        machine = self.machine(GPU('GPU-a', 1))

        self.assertIn(
            "gpus: '-1' is neither an index nor a UUID",
            self.open_error(machine, 'a', gpus=['-1']),
        )

    def test_library_without_the_energy_counter_has_power(self):
        machine = self.machine(GPU('GPU-a', 1, 70_000), flags=['-DNO_ENERGY'])
        machine.open(DRIVER, 'a')

        self.assertEqual([('a', None, 70.0)], self.values(machine))

    def test_missing_library_is_an_error(self):
        machine = self.machine(library=False)

        self.assertEqual(
            'NVML did not answer: libnvidia-ml.so.1 of the NVIDIA driver is '
            'not installed',
            self.open_error(machine, 'a'),
        )

    def test_missing_driver_is_an_error_until_it_is_loaded(self):
        machine = self.machine()
        self.assertIn(
            'the kernel module nvidia is not loaded',
            self.open_error(machine, 'a'),
        )

        self.set(GPU('GPU-a', 1))
        machine.open(DRIVER, 'a')

        self.assertEqual([('a', 1, None)], self.values(machine))
