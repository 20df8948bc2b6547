# SPDX-License-Identifier: Apache-2.0

"""The mistakes in the documentation are reported as it says."""

import pathlib
import re
import typing

import fixtures

import energy_meter
from energy_meter.tests.unit.cmd import base
from energy_meter.tests.unit.cmd import test_check

PAGE = (
    pathlib.Path(energy_meter.__file__).parents[1]
    / 'doc/source/admin/troubleshooting.rst'
)

#: A row of the table: lines of the file, command, and what it prints.
ROW = re.compile(
    r'^   \* - (?P<file>.+?)\n'
    r'     - ``(?P<command>energy-meter-[^`]+)``\n'
    r'     - ``(?P<printed>[^`]+)``$',
    re.MULTILINE | re.DOTALL,
)


class Mistake(typing.NamedTuple):
    """A row of the table.

    :ivar printed: ``...`` stands for any text.
    """

    lines: list[str]
    command: str
    options: list[str]
    printed: str


def mistakes() -> list[Mistake]:
    """Return the mistakes in the table of the documentation."""
    found = []
    table = PAGE.read_text().partition('.. _configuration-mistakes:')[2]
    for row in ROW.finditer(table):
        command, *options = row['command'].split()
        found.append(
            Mistake(
                re.findall(r'\| ``([^`]+)``', row['file']),
                command.removeprefix('energy-meter-'),
                options,
                ' '.join(row['printed'].split()),
            )
        )
    return found


class MistakesTest(base.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        # oslo.messaging logs failed connections as well.
        self.useFixture(fixtures.FakeLogger())
        self.write(test_check.VALID)
        self.file = self.directory / 'mistake.conf'

    def test_table_lists_thirty_mistakes(self):
        self.assertGreaterEqual(len(mistakes()), 30)

    def test_each_mistake_is_one_line_as_documented(self):
        for mistake in mistakes():
            self.file.write_text(
                ''.join(f'{line}\n' for line in mistake.lines)
            )

            result = self.run_command(
                test_check.SERVICES[mistake.command],
                '--config-file',
                str(self.file),
                '--check',
                *mistake.options,
            )

            self.assert_printed(mistake, result)

    def assert_printed(self, mistake: Mistake, result: base.Result) -> None:
        output = result.error or result.output
        lines = output.replace(str(self.file), 'FILE').splitlines()
        pattern = re.escape(mistake.printed).replace(r'\.\.\.', '.+')
        self.assertTrue(
            any(re.fullmatch(pattern, line) for line in lines),
            f'{mistake.printed}\nis not in\n{output}',
        )
        self.assertLessEqual(result.error.count('\n'), 1, result.error)
        is_warning = mistake.printed.startswith('warning: ')
        self.assertEqual(0 if is_warning else 1, result.code, mistake)
