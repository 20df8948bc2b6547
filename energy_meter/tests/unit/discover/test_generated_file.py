# SPDX-License-Identifier: Apache-2.0

"""Tests of generated configuration files."""

import os
import pathlib
import stat

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.discover import generated_file


def wattmeter(name: str, **options: str) -> dict[str, str]:
    lines = [f'[wattmeter:{name}]']
    lines += [f'{option} = {value}' for option, value in options.items()]
    return {f'wattmeter:{name}': '\n'.join(lines) + '\n'}


TEMPLATE = {'template:bmc': '[template:bmc]\npassword = s3cret\n'}
NODES = {
    **wattmeter('node-10', template='bmc', host='192.0.2.10'),
    **wattmeter('node-9', template='bmc', host='192.0.2.9'),
}


class GeneratedFileTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(
            self.useFixture(fixtures.TempDir()).join('rack.conf')
        )

    def update(self, after, dry_run=False):
        before = generated_file.load(self.path)
        return generated_file.update(self.path, before, after, dry_run)

    def test_missing_file_has_no_sections(self):
        self.assertEqual({}, generated_file.load(self.path))

    def test_file_reads_back(self):
        overlapping = {'wattmeter:x': '# PDU x\n#[wattmeter:x]\n#host = x\n'}

        self.update({**NODES, **TEMPLATE, **overlapping})

        self.assertEqual(
            {**TEMPLATE, **NODES, **overlapping},
            generated_file.load(self.path),
        )

    def test_order_of_sections_does_not_depend_on_their_origin(self):
        self.update({**NODES, **TEMPLATE})

        self.assertEqual(
            ['template:bmc', 'wattmeter:node-9', 'wattmeter:node-10'],
            list(generated_file.load(self.path)),
        )

    def test_repeated_run_changes_nothing(self):
        self.update(NODES)
        before = self.path.stat().st_mtime_ns

        message = self.update(dict(reversed(NODES.items())))

        self.assertEqual(before, self.path.stat().st_mtime_ns)
        self.assertEqual(
            f'{self.path} stays as it is: 0 added, 0 changed, 0 removed, '
            '2 unchanged',
            message,
        )

    def test_only_the_owner_can_read_a_new_file(self):
        self.update(NODES)

        self.assertEqual(0o600, stat.S_IMODE(self.path.stat().st_mode))

    def test_permissions_of_the_file_stay(self):
        self.update(NODES)
        os.chmod(self.path, 0o640)

        self.update({**NODES, **wattmeter('node-11', host='192.0.2.11')})

        self.assertEqual(0o640, stat.S_IMODE(self.path.stat().st_mode))

    def test_change_by_hand_is_refused(self):
        self.update(NODES)
        with self.path.open('a') as stream:
            stream.write('\n[wattmeter:mine]\ndriver = dummy\n')

        error = self.assertRaises(
            exception.ConfigurationError, generated_file.load, self.path
        )

        self.assertIn('was changed by hand; move your sections', str(error))

    def test_file_of_the_operator_is_refused(self):
        self.path.write_text('[wattmeter:mine]\ndriver = dummy\n')

        error = self.assertRaises(
            exception.ConfigurationError, generated_file.load, self.path
        )

        self.assertIn('use --force to overwrite it', str(error))

    def test_dry_run_shows_changes_without_secrets(self):
        self.update({**TEMPLATE, **NODES})
        before = self.path.read_bytes()

        message = self.update(
            {
                'template:bmc': '[template:bmc]\npassword = n3w\n',
                **wattmeter('node-9', template='bmc', host='192.0.2.99'),
                **wattmeter('node-11', template='bmc', host='192.0.2.11'),
            },
            dry_run=True,
        )

        self.assertEqual(before, self.path.read_bytes())
        self.assertEqual(
            [
                '-password = <secret>',
                '+password = <secret>',
                '-host = 192.0.2.9',
                '+host = 192.0.2.99',
                '-[wattmeter:node-10]',
                '+[wattmeter:node-11]',
                '-host = 192.0.2.10',
                '+host = 192.0.2.11',
                f'{self.path} would change: 1 added, 2 changed, 1 removed, '
                '0 unchanged',
            ],
            [
                line
                for line in message.splitlines()[2:]
                if not line.startswith((' ', '@'))
            ],
        )

    def test_failed_write_leaves_file_and_directory_alone(self):
        self.update(NODES)
        before = self.path.read_bytes()
        unwritable = {'wattmeter:x': '\udc80\n'}

        self.assertRaises(UnicodeError, self.update, unwritable)

        self.assertEqual(before, self.path.read_bytes())
        self.assertEqual([self.path], list(self.path.parent.iterdir()))

    def test_unused_templates_are_left_out(self):
        unused = {'template:old': '[template:old]\ndriver = ipmi\n'}

        self.assertEqual(
            {**TEMPLATE, **NODES},
            generated_file.without_unused_templates(
                {**TEMPLATE, **unused, **NODES}
            ),
        )
