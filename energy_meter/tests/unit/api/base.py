# SPDX-License-Identifier: Apache-2.0

"""The API on an SQLite database."""

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
    """Has the application in ``api``.

    :cvar config: more of the configuration file; ``{directory}`` stands for
        the test's own.
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
        """Make files in the directory that the configuration names."""

    def insert(self, *probes: str, **fields: typing.Any) -> None:
        rows.insert(self.engine, *probes, **fields)

    def get(
        self, url: str, status: int = 200, **headers: str
    ) -> webtest.TestResponse:
        """Get what is at a URL that is quoted as a client would."""
        return self.api.get(
            url,
            status=status,
            headers=headers,
            extra_environ={'REQUEST_URI': url},
        )

    def assert_error(self, response: webtest.TestResponse) -> str:
        """Expect an error in its one shape, and give its message."""
        self.assertEqual('application/json', response.headers['Content-Type'])
        self.assertEqual('no-store', response.headers['Cache-Control'])
        self.assertTrue(response.headers['X-OpenStack-Request-ID'])
        [(name, error)] = response.json.items()
        self.assertEqual('error', name)
        self.assertEqual({'code', 'title', 'message'}, error.keys())
        self.assertEqual(response.status, f'{error["code"]} {error["title"]}')
        return error['message']
