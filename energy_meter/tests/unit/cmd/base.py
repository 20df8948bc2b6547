# SPDX-License-Identifier: Apache-2.0

"""Base class for tests that run commands in the process of the test."""

import contextlib
import io
import pathlib
import types
import typing
import unittest.mock

import fixtures
from oslotest import base

from energy_meter.cmd import service


class Result(typing.NamedTuple):
    """Exit status and output of a command."""

    code: int
    output: str
    error: str


class CommandTest(base.BaseTestCase):
    """Base class for commands with a configuration file.

    :ivar directory: temporary directory of the test.
    """

    def setUp(self) -> None:
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        # Tests capture the log themselves.
        self.useFixture(fixtures.MockPatchObject(service.log, 'setup'))
        self.write(f'[database]\nconnection = {self.url}\n')

    @property
    def url(self) -> str:
        """Return the URL of the database."""
        return f'sqlite:///{self.directory}/db.sqlite'

    def write(self, text: str) -> None:
        """Write the configuration file."""
        (self.directory / 'test.conf').write_text(text)

    def log_in(self, uid: int, **names: int) -> None:
        """Run commands with this real uid.

        :param names: uids of the users in the user database.
        """
        users = {number: name for name, number in names.items()}

        def getpwuid(number: int) -> types.SimpleNamespace:
            return types.SimpleNamespace(pw_name=users[number])

        self.useFixture(fixtures.MockPatch('os.getuid', lambda: uid))
        self.useFixture(fixtures.MockPatch('pwd.getpwuid', getpwuid))
        self.useFixture(fixtures.EnvironmentVariable('SUDO_UID'))

    def run_command(
        self, main: typing.Callable[[], object], *arguments: str
    ) -> Result:
        """Run a command with the configuration file and more arguments."""
        output, error = io.StringIO(), io.StringIO()
        argv = [
            'command',
            '--config-file',
            str(self.directory / 'test.conf'),
            *arguments,
        ]
        code: object = 0
        with (
            unittest.mock.patch('sys.argv', argv),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(error),
        ):
            try:
                main()
            except SystemExit as end:
                code = end.code
        if isinstance(code, str):
            # As the interpreter does.
            code, _ = 1, error.write(code)
        return Result(int(str(code or 0)), output.getvalue(), error.getvalue())
