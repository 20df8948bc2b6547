# SPDX-License-Identifier: Apache-2.0

"""The examples in the documentation are valid."""

import configparser
import pathlib
import re
import runpy
import textwrap

import fixtures
from oslo_config import cfg
from oslotest import base

import energy_meter
from energy_meter import conf as energy_meter_conf
from energy_meter.agent import wattmeter
from energy_meter.collector import probe_sections
from energy_meter.conf import ranges
from energy_meter.conf import secret_files
from energy_meter.tests.unit.drivers import test_base

SOURCE = pathlib.Path(energy_meter.__file__).parents[1] / 'doc/source'

#: Example of a configuration: complete sections, indented.
EXAMPLE = re.compile(
    r'^( *)\.\. code-block:: ini\n((?:\n|\1 +\S.*\n)+)', re.MULTILINE
)


def examples() -> dict[str, str]:
    """Return the examples by page and number."""
    return {
        f'{page.relative_to(SOURCE)}, example {number}': textwrap.dedent(
            match[2]
        )
        for directory in ('configuration', 'drivers')
        for page in sorted((SOURCE / directory).glob('*.rst'))
        for number, match in enumerate(
            EXAMPLE.finditer(page.read_text(encoding='utf-8')), 1
        )
    }


class ExamplesTest(base.BaseTestCase):
    def load(self, text: str) -> cfg.ConfigOpts:
        conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(conf)
        conf(['--config-file', self.create_tempfiles([('example', text)])[0]])
        return conf

    def test_every_example_is_a_configuration_without_errors(self):
        self.useFixture(
            fixtures.MockPatchObject(secret_files, 'read', lambda _: 'secret')
        )
        for name, text in examples().items():
            found, errors = wattmeter.load(self.load(text), 'agent')
            self.assertEqual([], [str(error) for error in errors], name)
            self.assertEqual(
                self.count(r'^\[wattmeter:(.*)\]$', text), len(found), name
            )

    def test_every_sum_probe_in_an_example_is_valid(self):
        for name, text in examples().items():
            self.assertEqual(
                self.count(r'^\[probe:(.*)\]\nsum =', text),
                len(probe_sections.load(self.load(text)).sums),
                name,
            )

    def count(self, pattern: str, text: str) -> int:
        """Return the number of sections for which those in a text stand."""
        return sum(
            len(ranges.expand(name))
            for name in re.findall(pattern, text, re.MULTILINE)
        )


class SecurityTest(base.BaseTestCase):
    """Each line of the threat model and each bound names existing tests."""

    TESTS = pathlib.Path(energy_meter.__file__).parent / 'tests'
    #: A module and the names of its tests.
    SHOWN = re.compile(
        r'``((?:unit|functional)[\w.]+)``((?:\s+``test_\w+``)+)'
    )

    def lines(self) -> list[str]:
        page = (SOURCE / 'admin/security.rst').read_text(encoding='utf-8')
        model, _, bounds = page.partition('.. _security-bounds:')
        bounds, _, _ = bounds.partition('\nAttacks\n')
        return [
            *(
                line
                for line in model.split('   * - ')
                if line.startswith('can')
            ),
            *(
                line
                for line in bounds.split('   * - ')[1:]
                if not line.startswith('What grows')
            ),
        ]

    def test_each_line_names_its_tests(self):
        self.assertGreater(len(self.lines()), 80)
        self.assertEqual(
            [], [line for line in self.lines() if not self.SHOWN.search(line)]
        )

    def test_named_tests_exist(self):
        for line in self.lines():
            for module, names in self.SHOWN.findall(line):
                path = self.TESTS / f'{module.replace(".", "/")}.py'
                defined = set(
                    re.findall(
                        r'def (test_\w+)\(', path.read_text(encoding='utf-8')
                    )
                )
                self.assertEqual(
                    set(), set(re.findall(r'test_\w+', names)) - defined
                )


class PagesTest(base.BaseTestCase):
    def test_each_driver_has_a_page_with_an_example(self):
        for name in test_base.every_driver():
            self.assertIn(f'drivers/{name}.rst, example 1', examples())

    def test_page_of_a_driver_names_all_its_options(self):
        for name, driver in test_base.every_driver().items():
            page = (SOURCE / f'drivers/{name}.rst').read_text()
            missing = [
                opt.dest for opt in driver.opts if f'``{opt.dest}' not in page
            ]
            self.assertEqual([], missing, name)

    def test_each_helper_of_drivers_is_in_the_table(self):
        page = (SOURCE / 'contributor/drivers.rst').read_text(encoding='utf-8')
        package = pathlib.Path(energy_meter.__file__).parent / 'drivers/common'

        self.assertEqual(
            {path.stem for path in package.glob('[a-z]*.py')},
            set(re.findall(r'^``([a-z_]+)``  ', page, re.MULTILINE)),
        )

    def test_each_command_has_a_man_page(self):
        setup = configparser.ConfigParser()
        setup.read(SOURCE.parents[1] / 'setup.cfg')
        commands = {
            line.partition(' ')[0]
            for line in setup['options.entry_points']['console_scripts'].split(
                '\n'
            )
            if line
        }
        conf = runpy.run_path(str(SOURCE / 'conf.py'))

        self.assertEqual(commands, {page[1] for page in conf['man_pages']})
        self.assertEqual(
            commands,
            {page.stem for page in SOURCE.glob('cli/energy-meter-*.rst')},
        )
