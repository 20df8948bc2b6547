# SPDX-License-Identifier: Apache-2.0

"""Tests for the lines of configuration files."""

from oslotest import base

from energy_meter import exception
from energy_meter.conf import files


class FilesTest(base.BaseTestCase):
    def write(self, text: str) -> str:
        [path] = self.create_tempfiles([('test', text)])
        return str(path)


class LinesTest(FilesTest):
    def test_sections_and_options_have_the_number_of_their_first_line(self):
        path = self.write('# c = d\n[a]\n\nb : 1 = 2\nc = 3\n  4\n;\n[e]\n')

        self.assertEqual(
            [
                (2, 'a', None, ''),
                (4, 'a', 'b', '1 = 2'),
                (5, 'a', 'c', '3\n4'),
                (8, 'e', None, ''),
            ],
            [line[1:] for line in files.lines(path)],
        )


class LocateTest(FilesTest):
    TEXT = '[a]\nb = 1\n[a]\nb = 2\n[c]\n'

    def locate(self, file: str, section: str, option: str) -> str:
        path = self.write(self.TEXT)
        error = exception.ConfigurationError(
            file=file.replace('PATH', path),
            section=section,
            option=option,
            reason='wrong',
        )
        return str(files.locate(error, [path])).replace(path, 'PATH')

    def test_last_value_is_named(self):
        for file in ('PATH', 'configuration'):
            self.assertEqual(
                'PATH:4: [a] b: wrong', self.locate(file, 'a', 'b')
            )

    def test_section_of_a_missing_option_is_named(self):
        self.assertEqual(
            'PATH:5: [c] b: wrong', self.locate('configuration', 'c', 'b')
        )

    def test_error_with_a_line_is_unchanged(self):
        self.assertEqual(
            'PATH:2: [a] b: wrong', self.locate('PATH:2', 'a', 'b')
        )

    def test_error_of_a_missing_section_is_unchanged(self):
        self.assertEqual(
            'configuration: [x] b: wrong',
            self.locate('configuration', 'x', 'b'),
        )

    def test_other_error_is_unchanged(self):
        error = exception.MissingSecrets()
        self.assertIs(error, files.locate(error, []))
