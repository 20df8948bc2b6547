# SPDX-License-Identifier: Apache-2.0

"""Out-of-tree driver: the example in the documentation."""

import json
import os
import pathlib
import shutil
import sys

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import stack

EXAMPLE = stack.CHECKOUT / 'doc/source/contributor/example-driver'


class ExampleDriverTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.directory = pathlib.Path(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        )
        # Building creates files in the source directory.
        self.source = self.directory / 'source'
        shutil.copytree(EXAMPLE, self.source)
        site = self.directory / 'site'
        base.run(
            [
                sys.executable,
                '-m',
                'pip',
                'install',
                '--quiet',
                '--no-index',
                '--no-deps',
                '--no-build-isolation',
                '--target',
                site,
                self.source,
            ]
        )
        self.installed = {'PYTHONPATH': os.fspath(site)}

    def test_test_of_the_example_passes(self):
        base.run(
            [sys.executable, '-m', 'unittest'],
            cwd=self.source,
            env=self.installed,
        )

    def test_discovery_finds_the_example(self):
        watts = self.directory / 'rack-watts'
        watts.write_text('left 100.5\nright 42\n')

        output = base.run(
            [commands.script('energy-meter-discover'), '--json'],
            env={**self.installed, 'RACK_WATTS': os.fspath(watts)},
        )

        (found,) = [
            each
            for each in json.loads(output)
            if each['device'] == f'watts in {watts}'
        ]
        self.assertEqual(
            [('rack-watts-left', 100.5), ('rack-watts-right', 42.0)],
            [(probe['probe'], probe['w']) for probe in found['probes']],
        )
        self.assertIn('driver = logfile\n', found['section'])

    def test_agent_reads_the_example(self):
        watts = self.directory / 'watts'
        watts.write_text('left 100.5\nright 42\n')
        configuration = commands.Configuration(self.directory)
        configuration.set(
            'wattmeter:rack',
            driver='logfile',
            path=watts,
            probes='{wattmeter}-{name}',
        )

        output = base.run(
            [
                commands.script('energy-meter-agent'),
                '--config-file',
                configuration.path,
                '--once',
                '--format',
                'json',
            ],
            env=self.installed,
        )

        self.assertEqual(
            [('rack-left', 100.5, 'outlet'), ('rack-right', 42.0, 'outlet')],
            [
                (result['probe'], result['w'], result['scope'])
                for result in json.loads(output)
            ],
        )
