# SPDX-License-Identifier: Apache-2.0

"""Attributes of sysfs: values, no values, and what can go wrong."""

import errno
import pathlib
from unittest import mock

from oslotest import base

from energy_meter import exception
from energy_meter.drivers import _sysfs
from energy_meter.tests import sysfs


def failing(number):
    return mock.patch.object(
        pathlib.Path,
        'read_text',
        side_effect=OSError(number, 'as the kernel says'),
    )


class ReadTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.tree = self.useFixture(
            sysfs.Tree(
                {'power1_input': '42', 'power1_label': ' CPU ', 'empty': ''}
            )
        )
        self.power = self.tree.path / 'power1_input'

    def test_white_space_is_no_part_of_a_value(self):
        self.assertEqual(
            'CPU', _sysfs.read_text(self.tree.path / 'power1_label')
        )
        self.assertEqual(42, _sysfs.read_integer(self.power))

    def test_an_interrupted_read_gives_no_value(self):
        self.assertIsNone(_sysfs.read_integer(self.tree.path / 'empty'))

    def test_a_disabled_sensor_gives_no_value(self):
        with failing(errno.ENODATA):
            self.assertIsNone(_sysfs.read_integer(self.power))

    def test_a_removed_battery_gives_no_value(self):
        with failing(errno.ENODEV):
            self.assertIsNone(_sysfs.read_integer(self.power))

    def test_what_is_not_there_is_an_error(self):
        error = self.assertRaises(
            exception.DeviceUnreachable,
            _sysfs.read_text,
            self.tree.path / 'gone',
        )

        self.assertEqual(
            f'{self.tree.path}/gone did not answer: No such file or directory',
            str(error),
        )

    def test_what_can_not_be_read_is_an_error(self):
        for number in (errno.EACCES, errno.EIO, errno.ETIMEDOUT):
            with failing(number):
                error = self.assertRaises(
                    exception.DeviceUnreachable,
                    _sysfs.read_integer,
                    self.power,
                )
            self.assertEqual(
                f'{self.power} did not answer: as the kernel says', str(error)
            )

    def test_a_value_that_is_no_integer_is_an_error(self):
        self.tree.set('power1_input', 'N/A')

        error = self.assertRaises(
            exception.ProtocolError, _sysfs.read_integer, self.power
        )

        self.assertEqual(f"{self.power}: 'N/A' is not an integer", str(error))

    def test_an_optional_attribute_may_be_missing(self):
        self.assertIsNone(_sysfs.read_optional(self.tree.path / 'gone'))


class EntriesTest(base.BaseTestCase):
    def test_numbers_are_in_their_order(self):
        tree = self.useFixture(
            sysfs.Tree(
                {'intel-rapl:10': '', 'intel-rapl:2': '', 'intel-rapl:2:0': ''}
            )
        )

        self.assertEqual(
            ['intel-rapl:2', 'intel-rapl:2:0', 'intel-rapl:10'],
            [path.name for path in _sysfs.entries(tree.path)],
        )

    def test_a_missing_class_has_no_devices(self):
        self.assertEqual([], _sysfs.entries(pathlib.Path('/nowhere')))


class AssignTest(base.BaseTestCase):
    def test_each_probe_has_the_outlet_in_its_place(self):
        self.assertEqual(
            {'node': 2},
            _sysfs.assign(
                'chip', {'energy1': 1, 'energy2': 2}, (None, 'node')
            ),
        )

    def test_without_probes_nothing_is_assigned(self):
        self.assertEqual({}, _sysfs.assign('chip', {'energy1': 1}, ()))

    def test_outlets_are_never_left_out_silently(self):
        for probes in (['one'], ['one', 'two', 'three']):
            error = self.assertRaises(
                exception.DriverError,
                _sysfs.assign,
                'chip aem2',
                {'energy1': 1, 'energy2': 2},
                probes,
            )
            self.assertEqual(
                f'chip aem2 has 2 outlets (energy1, energy2), but probes has '
                f'places for {len(probes)}: give each a place, an empty one '
                f'to leave it out',
                str(error),
            )
