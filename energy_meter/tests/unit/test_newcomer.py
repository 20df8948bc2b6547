# SPDX-License-Identifier: Apache-2.0

"""The commands and examples for new users are valid."""

import os
import pathlib
import re
import subprocess
import textwrap

from oslotest import base

import energy_meter
from energy_meter import conf as energy_meter_conf
from energy_meter.agent import wattmeter
from energy_meter.tests.unit import test_installation

CHECKOUT = pathlib.Path(energy_meter.__file__).parents[1]

PAGES = [
    CHECKOUT / 'README.rst',
    CHECKOUT / 'doc/source/user/index.rst',
    *sorted((CHECKOUT / 'doc/source/install').glob('*.rst')),
]

#: Configuration of energy_meter: services read its first section.
CONFIGURATION = re.compile(
    r'^( +)\[(?:DEFAULT|database|bus|rrd|oslo_middleware|wattmeter:\S+)\]\n'
    r'(?:\n|\1.*\n)+',
    re.MULTILINE,
)


def read(page: pathlib.Path) -> str:
    return page.read_text(encoding='utf-8')


class NewcomerTest(base.BaseTestCase):
    def test_configurations_have_no_errors(self):
        examples = [
            (page, textwrap.dedent(match[0]))
            for page in PAGES
            for match in CONFIGURATION.finditer(read(page))
        ]
        self.assertGreater(len(examples), 8)
        for page, text in examples:
            path = self.create_tempfiles([('example', text)])[0]
            conf = energy_meter_conf.load(['--config-file', path], 'test')
            found, errors = wattmeter.load(conf, 'agent')
            self.assertEqual([], [str(error) for error in errors], page)
            self.assertEqual(text.count('[wattmeter:'), len(found), page)

    def test_commands_exist(self):
        scripts = test_installation.scripts()
        for page in PAGES:
            for name in re.findall(
                r'(?:^| |bin/|``)(energy-meter-[a-z]+)\b(?!\.timer)',
                read(page),
                re.MULTILINE,
            ):
                self.assertIn(name, scripts, page)

    def test_scripts_of_the_checkout_are_executable(self):
        for page in PAGES:
            for name in re.findall(r'\btools/\w+\.sh', read(page)):
                self.assertTrue(os.access(CHECKOUT / name, os.X_OK), name)

    def test_help_of_the_quickstart_installs_nothing(self):
        # Without commands: an installation would fail.
        done = subprocess.run(
            ['/bin/bash', CHECKOUT / 'tools/quickstart.sh', '--debug', '-h'],
            env={'PATH': '/nowhere'},
            capture_output=True,
            text=True,
        )

        self.assertIn('--state-path DIR', done.stdout)
        self.assertEqual((0, ''), (done.returncode, done.stderr))

    def test_addresses_are_those_of_the_defaults(self):
        conf = energy_meter_conf.load([], 'test', files=[])
        ports = {str(conf.api.port), str(conf.rrd.port)}
        for page in PAGES[:2]:
            found = re.findall(r'http://127\.0\.0\.1:(\d+)', read(page))
            self.assertNotEqual([], found)
            self.assertEqual(set(), {*found} - ports, page)

    def test_environments_of_tox_exist(self):
        tox = read(CHECKOUT / 'tox.ini')
        for name in re.findall('``tox -e ([a-z-]+)', read(PAGES[0])):
            self.assertIn(f'[testenv:{name}]', tox)
