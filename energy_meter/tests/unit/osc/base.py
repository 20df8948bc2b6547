# SPDX-License-Identifier: Apache-2.0

"""The commands in a shell of their own, as openstackclient would have them."""

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

from energy_meter import client
from energy_meter.tests.unit import api_stub


class _Shell(app.App):
    """Has the commands that the package's entry points name."""

    def __init__(self, energy: client.Client, stdout: typing.TextIO) -> None:
        super().__init__(
            'openstack',
            '1',
            commandmanager.CommandManager('openstack.energy.v1'),
            stdout=stdout,
        )
        self.client_manager = types.SimpleNamespace(energy=energy)

    def configure_logging(self) -> None:
        """Leave the log to the test."""


class CommandTestCase(base.BaseTestCase):
    """Has the API that commands read in ``api``."""

    def setUp(self) -> None:
        super().setUp()
        self.api = self.useFixture(api_stub.APIStub())
        self.stdout: typing.TextIO = io.StringIO()

    def run_command(self, *words: str) -> int:
        """Run a command, and give its exit code."""
        session = keystone_session.Session(auth=noauth.NoAuth())
        energy = client.Client(session, endpoint_override=self.api.url)
        logging.getLogger('cliff').setLevel(logging.ERROR)
        return _Shell(energy, self.stdout).run(['energy', *words])

    def read(self, *words: str) -> typing.Any:
        """Run a command that succeeds, and give the JSON that it prints."""
        self.stdout = io.StringIO()
        self.assertEqual(0, self.run_command(*words, '-f', 'json'))
        return json.loads(self.stdout.getvalue())
