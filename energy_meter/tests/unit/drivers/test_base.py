# SPDX-License-Identifier: Apache-2.0

"""Contract of every driver."""

import importlib.metadata
import logging
import re

from oslo_config import cfg
from oslotest import base as oslotest_base

from energy_meter import measurement
from energy_meter.conf import wattmeter
from energy_meter.drivers import base
from energy_meter.tests import drivers

#: Names of options whose values are secrets.
SECRET = re.compile(r'password|secret|token|passphrase|community|kg$')


def every_driver() -> dict[str, type[base.Driver]]:
    return {
        entry_point.name: entry_point.load()
        for entry_point in importlib.metadata.entry_points(
            group='energy_meter.drivers'
        )
    }


class Minimal(base.Driver):
    def open(self):
        """Prepare nothing."""

    def read(self):
        return ()


class DriverTest(oslotest_base.BaseTestCase):
    def test_driver_has_its_options_and_probes(self):
        driver = drivers.make(Minimal, 'a', None, 'b', interval=5.0)

        self.assertEqual(5.0, driver.options.interval)
        self.assertEqual(('a', None, 'b'), driver.probes)

    def test_close_and_abort_are_optional(self):
        driver = drivers.make(Minimal, 'a')

        self.assertIsNone(driver.abort())
        self.assertIsNone(driver.close())

    def test_channels_without_numbers_are_numbered_from_one(self):
        self.assertEqual(
            [base.Channel('1', 'a'), base.Channel('2', 'b')],
            base.number(['a', 'b']),
        )

    def test_public_helpers_read_each_probe(self):
        channels = base.assign('d', {'x': 1.0, 'y': 2.0}, [None, 'b'])

        readings = base.ProbeReader(logging.getLogger(__name__)).read(
            channels, measurement.Reading
        )

        self.assertEqual([measurement.Reading('b', 2.0)], readings)

    def test_driver_without_read_cannot_be_instantiated(self):
        class Incomplete(base.Driver):
            def open(self):
                """Prepare nothing."""

        e = self.assertRaises(TypeError, drivers.make, Incomplete, 'a')

        self.assertIn('abstract method', str(e))
        self.assertIn('read', str(e))


class EveryDriverTest(oslotest_base.BaseTestCase):
    def test_implements_the_contract(self):
        for name, driver in every_driver().items():
            self.assertTrue(issubclass(driver, base.Driver), name)
            self.assertEqual(frozenset(), driver.__abstractmethods__, name)

    def test_scope_is_valid(self):
        for name, driver in every_driver().items():
            self.assertIn(driver.scope, measurement.SCOPES, name)

    def test_each_scope_is_listed_once(self):
        self.assertEqual(
            sorted(set(measurement.SCOPES)), sorted(measurement.SCOPES)
        )

    def test_each_scope_has_a_maximum_power(self):
        self.assertLessEqual(set(measurement.SCOPES), set(base.MAX_WATTS))

    def test_maximum_power_is_at_most_that_of_the_scope(self):
        for name, driver in every_driver().items():
            limit = driver.max_watts_of(driver.scope)
            self.assertGreater(limit, 0.0, name)
            self.assertLessEqual(limit, base.MAX_WATTS[driver.scope], name)

    def test_options_have_unique_names_and_help(self):
        common = {opt.dest for opt in wattmeter.OPTS}
        for name, driver in every_driver().items():
            for opt in driver.opts:
                self.assertNotIn(opt.dest, common, name)
                self.assertTrue(opt.help, f'{name}: {opt.name}')

    def test_passwords_are_marked_secret(self):
        for name, driver in every_driver().items():
            for opt in driver.opts:
                if isinstance(opt, cfg.StrOpt) and SECRET.search(opt.dest):
                    self.assertTrue(opt.secret, f'{name}: {opt.name}')

    def test_can_be_aborted_and_closed_without_open(self):
        for driver in every_driver().values():
            made = drivers.make(driver, 'probe')
            made.abort()
            made.close()
