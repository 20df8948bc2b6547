# SPDX-License-Identifier: Apache-2.0

"""Completion of commands, by the real bash."""

import contextlib
import io
import logging
import subprocess
import typing

import fixtures
from oslotest import base

from energy_meter.cmd import agent
from energy_meter.cmd import discover
from energy_meter.cmd import manage
from energy_meter.cmd import status


def script(main: typing.Callable[[], object], shell: str = 'bash') -> str:
    """Return what a command prints with the option."""
    argv = ['the-command', '--shell_completion', shell]
    output = io.StringIO()
    with (
        fixtures.MonkeyPatch('sys.argv', argv),
        contextlib.redirect_stdout(output),
        contextlib.suppress(SystemExit),
    ):
        main()
    # energy-meter-discover disables the log, because it shows errors itself.
    logging.disable(logging.NOTSET)
    return output.getvalue()


def complete(main: typing.Callable[[], object], *words: str) -> list[str]:
    """Return what bash offers for the last of the words after the command."""
    source = script(main)
    function = source.partition('(')[0]
    done = subprocess.run(
        [
            *('bash', '-c'),
            f'{source}\nCOMP_WORDS=(x "$@") COMP_CWORD=$#\n{function}\n'
            'printf "%s\\n" "${COMPREPLY[@]}"',
            *('bash', *words),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not done.stderr, done.stderr
    return done.stdout.split()


class CompletionTest(base.BaseTestCase):
    def test_areas_and_actions_are_completed(self):
        self.assertEqual(['register'], complete(manage.main, 'reg'))
        self.assertEqual(
            ['list', 'show', 'void'],
            complete(manage.main, '--debug', 'register', '')[-3:],
        )

    def test_options_of_the_action_are_completed(self):
        self.assertEqual(
            ['--dry-run'],
            complete(manage.main, 'register', 'void', 'p', '--d'),
        )
        self.assertEqual(['--json'], complete(status.main, 'health', '--j'))

    def test_values_of_options_are_completed(self):
        self.assertEqual(
            ['json'], complete(manage.main, 'probe', 'list', '--format', 'j')
        )
        self.assertEqual(
            ['table', 'json'], complete(agent.main, '--once', '--format', '')
        )

    def test_names_of_files_are_left_to_bash(self):
        self.assertEqual([], complete(manage.main, '--config-file', ''))

    def test_arguments_that_are_names_of_actions_select_nothing(self):
        self.assertEqual(
            ['--yes'], complete(manage.main, 'probe', 'delete', 'list', '--y')
        )

    def test_commands_with_other_parsers_are_completed(self):
        self.assertEqual(['--output'], complete(discover.main, '--outp'))

    def test_zsh_uses_the_script_of_bash(self):
        self.assertRegex(
            script(manage.main, 'zsh'), '^autoload .*bashcompinit\n_energy'
        )
