# SPDX-License-Identifier: Apache-2.0

"""Base class for tests of commands, in a shell like openstackclient."""

import io
import json
import logging
import types
import typing

from cliff import app
from keystoneauth1 import noauth
from keystoneauth1 import session as keystone_session
from osc_lib.command import commandmanager
from oslotest import base

from energy_meter.clients import api
from energy_meter.tests.unit import api_stub


class _Shell(app.App):
    """Shell with the commands of the package's entry points."""

    def __init__(self, energy: api.Client, stdout: typing.TextIO) -> None:
        super().__init__(
            'openstack',
            '1',
            commandmanager.CommandManager('openstack.energy.v1'),
            stdout=stdout,
        )
        self.client_manager = types.SimpleNamespace(energy=energy)

    def configure_logging(self) -> None:
        """Do nothing: the test captures the log."""


class CommandTestCase(base.BaseTestCase):
    """Base class with a test double of the API in ``api``."""

    def setUp(self) -> None:
        super().setUp()
        self.api = self.useFixture(api_stub.APIStub())
        self.stdout: typing.TextIO = io.StringIO()

    def run_command(self, *arguments: str) -> int:
        """Run a command and return its exit status."""
        session = keystone_session.Session(auth=noauth.NoAuth())
        energy = api.Client(session, endpoint_override=self.api.url)
        logging.getLogger('cliff').setLevel(logging.ERROR)
        return _Shell(energy, self.stdout).run(['energy', *arguments])

    def read(self, *arguments: str) -> typing.Any:
        """Run a command successfully and return its JSON output."""
        self.stdout = io.StringIO()
        self.assertEqual(0, self.run_command(*arguments, '-f', 'json'))
        return json.loads(self.stdout.getvalue())
