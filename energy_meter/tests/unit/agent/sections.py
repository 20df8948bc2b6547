# SPDX-License-Identifier: Apache-2.0

"""Configuration files as an operator writes them."""

import pathlib

import fixtures
from oslo_config import cfg
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.agent import wattmeter


class SectionsTestCase(base.BaseTestCase):
    """Loads the wattmeters of the files in one directory."""

    def setUp(self) -> None:
        super().setUp()
        self.path = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def configure(self, text: str, name: str = 'agent') -> cfg.ConfigOpts:
        """Write a file, and return the configuration of all files."""
        (self.path / f'{name}.conf').write_text(text)
        conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(conf)
        conf(['--config-dir', str(self.path)], default_config_files=[])
        return conf

    def load(
        self, text: str
    ) -> tuple[list[wattmeter.Wattmeter], list[exception.ConfigurationError]]:
        return wattmeter.load(self.configure(text), 'agent')

    def wattmeters(self, text: str) -> dict[str, wattmeter.Wattmeter]:
        """Return the wattmeters by name; none has an error."""
        loaded, errors = self.load(text)
        self.assertEqual([], [str(error) for error in errors])
        return {each.name: each for each in loaded}

    def errors(self, text: str) -> list[str]:
        """Return the errors without the directory of the file."""
        return [
            str(error).removeprefix(f'{self.path}/')
            for error in self.load(text)[1]
        ]
