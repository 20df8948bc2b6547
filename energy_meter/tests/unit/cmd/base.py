# SPDX-License-Identifier: Apache-2.0


"""Runs commands inside the test's process."""

import contextlib
import io
import pathlib
import typing
import unittest.mock

import fixtures
from oslotest import base

from energy_meter.cmd import service


class Result(typing.NamedTuple):
    """What a command did; ``code`` is its exit code."""

    code: int
    output: str
    error: str


class CommandTest(base.BaseTestCase):
    """Commands whose configuration is one file.

    :ivar directory: of the test's own.
    """

    def setUp(self) -> None:
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        # The process's log is the tests'.
        self.useFixture(fixtures.MockPatchObject(service.log, 'setup'))
        self.write(f'[database]\nconnection = {self.url}\n')

    @property
    def url(self) -> str:
        return f'sqlite:///{self.directory}/db.sqlite'

    def write(self, text: str) -> None:
        """Write the configuration."""
        (self.directory / 'test.conf').write_text(text)

    def run_command(
        self, main: typing.Callable[[], object], *words: str
    ) -> Result:
        """Run a command with the configuration and further words."""
        output, error = io.StringIO(), io.StringIO()
        argv = [
            'command',
            '--config-file',
            str(self.directory / 'test.conf'),
            *words,
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
            # So the interpreter does it.
            code, _ = 1, error.write(code)
        return Result(int(str(code or 0)), output.getvalue(), error.getvalue())
