# SPDX-License-Identifier: Apache-2.0

"""Tests of energy-meter-import."""

import contextlib
import io
import pathlib

import fixtures
from oslotest import base

from energy_meter.cmd import inventory

NODES = '\n'.join(
    [
        'name,driver,host,password',
        *(f'node-{number},ipmi,192.0.2.{number},s3cret' for number in (1, 2)),
    ]
)


class ImportTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.source = directory / 'nodes.csv'
        self.source.write_text(NODES)
        self.file = directory / 'nodes.conf'

    def run_import(self, *arguments: object) -> str:
        command = ['energy-meter-import', 'csv', str(self.source)]
        self.useFixture(
            fixtures.MonkeyPatch('sys.argv', [*command, *map(str, arguments)])
        )
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            inventory.main()
        return output.getvalue()

    def fail(self, *arguments: object) -> str:
        return str(
            self.assertRaises(SystemExit, self.run_import, *arguments).code
        )

    def test_changed_line_changes_one_section(self):
        self.run_import('--output', self.file)
        self.source.write_text(NODES.replace('2.2', '2.22'))

        shown = self.run_import('--output', self.file, '--dry-run')
        written = self.run_import('--output', self.file)
        repeated = self.run_import('--output', self.file)

        self.assertEqual(
            ['-host = 192.0.2.2', '+host = 192.0.2.22'],
            [
                line
                for line in shown.splitlines()[2:]
                if line.startswith(('-', '+'))
            ],
        )
        self.assertIn('0 added, 1 changed, 0 removed, 2 unchanged', written)
        self.assertIn('stays as it is', repeated)

    def test_section_of_a_removed_device_is_removed(self):
        self.run_import('--output', self.file)
        self.source.write_text(NODES.rpartition('\n')[0])

        self.assertIn('1 removed', self.run_import('--output', self.file))
        self.assertNotIn('node-2', self.file.read_text())

    def test_only_the_file_contains_secrets(self):
        printed = self.run_import()
        self.run_import('--output', self.file)

        self.assertIn('password = <fill in>\n', printed)
        self.assertIn('password = s3cret\n', self.file.read_text())

    def test_changed_file_is_not_overwritten(self):
        self.run_import('--output', self.file)
        self.file.write_text(f'{self.file.read_text()}\n[wattmeter:mine]\n')

        error = self.fail('--output', self.file)
        forced = self.run_import('--output', self.file, '--force')

        self.assertIn('was changed by hand', error)
        self.assertIn('Wrote', forced)

    def test_mistake_ends_the_command(self):
        self.source.write_text(NODES.replace('host', 'hots'))

        self.assertIn('nodes.csv:2: node-1: hots', self.fail())

    def test_missing_inventory_ends_the_command(self):
        self.source.unlink()

        self.assertIn('No such file or directory', self.fail())
