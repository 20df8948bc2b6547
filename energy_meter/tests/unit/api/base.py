# SPDX-License-Identifier: Apache-2.0

"""Base class for tests of the API on an SQLite database."""

import pathlib
import typing

import fixtures
from oslotest import base
import webtest

from energy_meter import conf as energy_meter_conf
from energy_meter.api import app
from energy_meter.db import engine
from energy_meter.db import schema
from energy_meter.tests import rows


class APITestCase(base.BaseTestCase):
    """Base class with the application in ``api``.

    :cvar config: contents of the configuration file; ``{directory}`` is
        replaced with the temporary directory of the test.
    """

    config = '[api]\nauth_strategy = noauth\n'

    def setUp(self) -> None:
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.prepare()
        file = self.directory / 'test.conf'
        file.write_text(
            self.config.format(directory=self.directory)
            + f'[database]\nconnection = sqlite:///{self.directory}/db\n'
        )
        self.conf = energy_meter_conf.load(
            ['--config-file', str(file)], 'test'
        )
        self.engine = engine.connect(self.conf)
        self.addCleanup(self.engine.dispose)
        schema.metadata.create_all(self.engine)
        self.api = webtest.TestApp(app.make(self.conf))

    def prepare(self) -> None:
        """Create files that the configuration refers to."""

    def insert(self, *probes: str, **fields: typing.Any) -> None:
        """Insert probes into the database."""
        rows.insert(self.engine, *probes, **fields)

    def get(
        self, url: str, status: int = 200, **headers: str
    ) -> webtest.TestResponse:
        """Send a GET request for a percent-encoded URL."""
        return self.api.get(
            url,
            status=status,
            headers=headers,
            extra_environ={'REQUEST_URI': url},
        )

    def assert_error(self, response: webtest.TestResponse) -> str:
        """Check the format of an error response, and return its message."""
        self.assertEqual('application/json', response.headers['Content-Type'])
        self.assertEqual('no-store', response.headers['Cache-Control'])
        self.assertTrue(response.headers['X-OpenStack-Request-ID'])
        [(name, error)] = response.json.items()
        self.assertEqual('error', name)
        self.assertEqual({'code', 'title', 'message'}, error.keys())
        self.assertEqual(response.status, f'{error["code"]} {error["title"]}')
        return error['message']
