# SPDX-License-Identifier: Apache-2.0

"""Access to sysfs attributes: values, unavailable values and errors."""

import errno
import pathlib
from unittest import mock

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.common import sysfs
from energy_meter.tests import sysfs as sysfs_tree


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
            sysfs_tree.Tree(
                {'power1_input': '42', 'power1_label': ' CPU ', 'empty': ''}
            )
        )
        self.power = self.tree.path / 'power1_input'

    def test_white_space_is_stripped(self):
        self.assertEqual(
            'CPU', sysfs.read_text(self.tree.path / 'power1_label')
        )
        self.assertEqual(42, sysfs.read_integer(self.power))

    def test_interrupted_read_has_no_value(self):
        self.assertIsNone(sysfs.read_integer(self.tree.path / 'empty'))

    def test_disabled_sensor_has_no_value(self):
        with failing(errno.ENODATA):
            self.assertIsNone(sysfs.read_integer(self.power))

    def test_removed_battery_has_no_value(self):
        with failing(errno.ENODEV):
            self.assertIsNone(sysfs.read_integer(self.power))

    def test_missing_attribute_is_an_error(self):
        error = self.assertRaises(
            exception.DeviceUnreachable,
            sysfs.read_text,
            self.tree.path / 'gone',
        )

        self.assertEqual(
            f'{self.tree.path}/gone did not answer: No such file or directory',
            str(error),
        )

    def test_unreadable_attribute_is_an_error(self):
        for number in (errno.EACCES, errno.EIO, errno.ETIMEDOUT):
            with failing(number):
                error = self.assertRaises(
                    exception.DeviceUnreachable,
                    sysfs.read_integer,
                    self.power,
                )
            self.assertEqual(
                f'{self.power} did not answer: as the kernel says', str(error)
            )

    def test_value_that_is_not_an_integer_is_an_error(self):
        self.tree.set('power1_input', 'N/A')

        error = self.assertRaises(
            exception.ProtocolError, sysfs.read_integer, self.power
        )

        self.assertEqual(f"{self.power}: 'N/A' is not an integer", str(error))

    def test_missing_optional_attribute_has_no_value(self):
        self.assertIsNone(sysfs.read_optional(self.tree.path / 'gone'))


class EntriesTest(base.BaseTestCase):
    def test_entries_are_in_natural_order(self):
        tree = self.useFixture(
            sysfs_tree.Tree(
                {'intel-rapl:10': '', 'intel-rapl:2': '', 'intel-rapl:2:0': ''}
            )
        )

        self.assertEqual(
            ['intel-rapl:2', 'intel-rapl:2:0', 'intel-rapl:10'],
            [path.name for path in sysfs.entries(tree.path)],
        )

    def test_missing_directory_has_no_entries(self):
        self.assertEqual([], sysfs.entries(pathlib.Path('/nowhere')))


class AssignTest(base.BaseTestCase):
    def test_probes_have_the_channels_in_order(self):
        self.assertEqual(
            {'node': 2},
            sysfs.assign('chip', {'energy1': 1, 'energy2': 2}, (None, 'node')),
        )

    def test_without_probes_no_channel_is_assigned(self):
        self.assertEqual({}, sysfs.assign('chip', {'energy1': 1}, ()))

    def test_different_numbers_of_channels_and_places_are_an_error(self):
        for probes in (['one'], ['one', 'two', 'three']):
            error = self.assertRaises(
                exception.DriverError,
                sysfs.assign,
                'chip aem2',
                {'energy1': 1, 'energy2': 2},
                probes,
            )
            self.assertEqual(
                f'chip aem2 has 2 channels (energy1, energy2), but probes has '
                f'places for {len(probes)}: give each a place, an empty one '
                f'to leave it out',
                str(error),
            )
