# SPDX-License-Identifier: Apache-2.0

"""What the agent relies on in every driver."""

import importlib.metadata
import re

from oslo_config import cfg
from oslotest import base as oslotest_base

from energy_meter import measurement
from energy_meter.conf import wattmeter
from energy_meter.drivers import base
from energy_meter.tests import drivers

#: Names of options whose values nobody may see.
SECRET = re.compile(r'password|secret|token|passphrase|community|kg$')


def every_driver() -> dict[str, type[base.Driver]]:
    return {
        entry_point.name: entry_point.load()
        for entry_point in importlib.metadata.entry_points(
            group='energy_meter.drivers'
        )
    }


class Minimal(base.PolledDriver):
    def open(self):
        """Prepare nothing."""

    def read(self):
        return ()


class DriverTest(oslotest_base.BaseTestCase):
    def test_a_driver_gets_its_options_and_all_its_outlets(self):
        driver = drivers.make(Minimal, 'a', None, 'b', interval=5.0)

        self.assertEqual(5.0, driver.options.interval)
        self.assertEqual(('a', None, 'b'), driver.probes)

    def test_a_driver_without_anything_to_close_need_not_say_so(self):
        self.assertIsNone(drivers.make(Minimal, 'a').close())

    def test_outlets_without_numbers_are_counted_from_one(self):
        self.assertEqual(
            [base.Outlet('1', 'a'), base.Outlet('2', 'b')],
            base.number(['a', 'b']),
        )

    def test_a_polled_driver_must_read(self):
        class Unfinished(base.PolledDriver):
            def open(self):
                """Prepare nothing."""

        self.assertRaises(TypeError, drivers.make, Unfinished, 'a')


class EveryDriverTest(oslotest_base.BaseTestCase):
    def test_it_is_polled_or_streams(self):
        for name, driver in every_driver().items():
            self.assertTrue(
                issubclass(driver, base.PolledDriver | base.StreamingDriver),
                name,
            )

    def test_its_scope_is_one_of_those_known(self):
        for name, driver in every_driver().items():
            self.assertIn(driver.scope, measurement.SCOPES, name)

    def test_its_options_have_names_of_their_own_and_help(self):
        common = {opt.dest for opt in wattmeter.OPTS}
        for name, driver in every_driver().items():
            for opt in driver.opts:
                self.assertNotIn(opt.dest, common, name)
                self.assertTrue(opt.help, f'{name}: {opt.name}')

    def test_its_passwords_are_marked_secret(self):
        for name, driver in every_driver().items():
            for opt in driver.opts:
                if isinstance(opt, cfg.StrOpt) and SECRET.search(opt.dest):
                    self.assertTrue(opt.secret, f'{name}: {opt.name}')

    def test_it_can_be_closed_though_it_was_never_opened(self):
        for driver in every_driver().values():
            drivers.make(driver, 'probe').close()
