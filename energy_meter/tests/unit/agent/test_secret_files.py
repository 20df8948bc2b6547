# SPDX-License-Identifier: Apache-2.0

"""Secrets of wattmeters are read from files."""

import os

from energy_meter.agent import reloading
from energy_meter.conf import secret_files
from energy_meter.tests.unit.agent import sections as files

SECRET = 'swordfish'
METER = '[wattmeter:m]\ndriver = redfish\nurl = https://bmc\nprobes = p\n'
FROM_FILE = f'{METER}password_file = bmc\n'
TEMPLATE = '[template:t]\npassword_file = bmc\n'


class SecretFileTest(files.SectionsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.file = self.path / 'bmc'
        self.file.write_text(f'{SECRET}\n')

    def password(self, text: str, name: str = 'm') -> object:
        return self.wattmeters(text)[name].options['password']

    def error(self, text: str) -> str:
        """Return the only error, which does not contain the secret."""
        (error,) = self.errors(text)
        self.assertNotIn(SECRET, error)
        return error.replace(f'{self.path}/', '')

    def test_secret_is_the_first_line_without_its_end(self):
        for content in (
            SECRET,
            f'{SECRET}\n',
            f'{SECRET}\r\n',
            f'{SECRET}\nadmin\n',
        ):
            self.file.write_text(content)

            self.assertEqual(SECRET, self.password(FROM_FILE))

    def test_secret_is_taken_literally(self):
        for secret in (' a b ', '$x $$', '"q"', '{1..3}', 'a, b', 'é', '\\$'):
            self.file.write_text(f'{secret}\n')

            self.assertEqual(secret, self.password(FROM_FILE))

    def test_path_is_relative_to_the_file_that_contains_it(self):
        self.assertEqual(SECRET, self.password(FROM_FILE))
        self.assertEqual(
            SECRET, self.password(f'{METER}password_file = {self.file}\n')
        )

    def test_name_of_the_file_is_no_option_of_the_driver(self):
        loaded = self.wattmeters(FROM_FILE)

        self.assertNotIn('password_file', loaded['m'].options)

    def test_secret_of_a_template_may_be_in_a_file(self):
        self.assertEqual(
            SECRET, self.password(f'{TEMPLATE}{METER}template = t\n')
        )

    def test_path_may_contain_a_range(self):
        for number in (1, 2):
            (self.path / f'bmc-{number}').write_text(f'secret-{number}\n')

        loaded = self.wattmeters(
            '[wattmeter:m{1..2}]\ndriver = redfish\nurl = https://bmc\n'
            'probes = p{1..2}\npassword_file = bmc-{1..2}\n'
        )

        self.assertEqual(
            ['secret-1', 'secret-2'],
            [each.options['password'] for each in loaded.values()],
        )

    def test_path_may_refer_to_an_option(self):
        self.assertEqual(
            SECRET,
            self.password(
                '[template:t]\npassword_file = $metered_host\n'
                f'{METER}template = t\nmetered_host = bmc\n'
            ),
        )

    def test_own_secret_takes_precedence_over_file_of_template(self):
        self.assertEqual(
            'own',
            self.password(f'{TEMPLATE}{METER}template = t\npassword = own\n'),
        )

    def test_own_file_takes_precedence_over_secret_of_template(self):
        self.assertEqual(
            SECRET,
            self.password(
                f'[template:t]\npassword = shared\n{FROM_FILE}template = t\n'
            ),
        )

    def test_secret_in_a_file_cannot_be_referred_to(self):
        self.assertIn(
            'metered_host: a $ refers to another option, but password does '
            'not exist',
            self.error(f'{FROM_FILE}metered_host = $password\n'),
        )

    def test_secret_and_file_are_an_error(self):
        self.assertEqual(
            'agent.conf: [wattmeter:m] password_file: password is set as '
            'well; remove one of them',
            self.error(f'{FROM_FILE}password = {SECRET}\n'),
        )

    def test_file_that_holds_no_secret_is_an_error(self):
        for content, reason in (
            (b'', 'the first line of bmc is empty'),
            (b'\nswordfish\n', 'the first line of bmc is empty'),
            (b'swordfish\xff\n', "'bmc' is not a text file"),
            (
                b'swordfish' * secret_files.MAX_LENGTH,
                'the first line of bmc has more than 4096 characters',
            ),
        ):
            self.file.write_bytes(content)

            self.assertEqual(
                f'agent.conf: [wattmeter:m] password_file: {reason}',
                self.error(FROM_FILE),
            )

    def test_file_that_cannot_be_read_is_an_error(self):
        os.unlink(self.file)
        missing = self.error(FROM_FILE)
        os.mkdir(self.file)
        directory = self.error(FROM_FILE)

        self.assertEqual(
            'agent.conf: [wattmeter:m] password_file: cannot read bmc: No '
            'such file or directory',
            missing,
        )
        self.assertIn('cannot read bmc: Is a directory', directory)

    def test_error_of_a_template_names_the_template(self):
        os.unlink(self.file)

        self.assertIn(
            '[template:t] password_file: cannot read bmc',
            self.error(f'{TEMPLATE}{METER}template = t\n'),
        )

    def test_placeholder_is_an_error(self):
        self.file.write_text('<fill in>\n')

        self.assertIn(
            '[wattmeter:m] password_file: still <fill in>',
            self.error(FROM_FILE),
        )

    def test_file_of_an_option_that_is_not_secret_is_unknown(self):
        self.assertIn(
            '[wattmeter:m] username_file: unknown option',
            self.error(f'{METER}username_file = bmc\n'),
        )

    def test_changed_secret_reloads_its_wattmeter(self):
        text = f'{FROM_FILE}[wattmeter:o]\ndriver = dummy\nprobes = q\n'
        current = self.wattmeters(text)
        self.file.write_text('marlin\n')

        wanted = reloading.keep_previous(*self.load(text), current)

        self.assertEqual(
            ['m'],
            [each.name for each in wanted if each not in current.values()],
        )

    def test_secret_that_is_gone_keeps_its_wattmeter(self):
        current = self.wattmeters(FROM_FILE)
        os.unlink(self.file)

        self.assertEqual(
            list(current.values()),
            reloading.keep_previous(*self.load(FROM_FILE), current),
        )
