# SPDX-License-Identifier: Apache-2.0

"""All services from the wattmeter to the consumers of Gnocchi."""

import pathlib

import fixtures
import sqlalchemy as sa
import yaml

from energy_meter.db import projects
from energy_meter.tests.functional.ceilometer import installation
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import stack

ETC = stack.CHECKOUT / 'etc'
POLLING = ETC / 'watcher' / 'polling.yaml'


class Cloud(installation.Installation):
    """API, Ceilometer and Gnocchi, set up as documented for Watcher."""

    def _setUp(self) -> None:
        self._directory = pathlib.Path(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        )
        super()._setUp()
        self.gnocchi.create_resource_type('ipmi')

    def ceilometer_options(self) -> str:
        """Return the options to poll Watcher's meter and publish to Gnocchi.

        The meters energy and power use the resource definition of
        energy_meter, that of Watcher uses Ceilometer's.
        """
        polling = yaml.safe_load(POLLING.read_text())
        for source in polling['sources']:
            source['interval'] = 2
        definition = f'resources_definition_file={installation.RESOURCES}'
        pipeline = {
            'sources': [
                {'name': 'all', 'meters': ['*'], 'sinks': ['gnocchi']}
            ],
            'sinks': [
                {
                    'name': 'gnocchi',
                    'publishers': [f'gnocchi://?{definition}', 'gnocchi://'],
                }
            ],
        }
        return (
            '[DEFAULT]\n'
            f'pipeline_cfg_file = {self._write("pipeline.yaml", pipeline)}\n'
            '[polling]\n'
            f'cfg_file = {self._write("polling.yaml", polling)}\n'
            '[energy_meter]\n'
            'compute_host = {host}.example.org\n'
        )

    def _write(self, name: str, document: object) -> pathlib.Path:
        path = self._directory / name
        path.write_text(yaml.safe_dump(document))
        return path

    def charge(self, **payers: str) -> None:
        """Assign probes to projects, as the collector does.

        :param payers: ids of projects by probe.
        """
        engine = sa.create_engine(self.api.database)
        try:
            with engine.begin() as connection:
                projects.configure(connection, payers)
        finally:
            engine.dispose()

    def wait_for_measure(
        self,
        original_id: str,
        kind: str,
        meter: str,
        aggregation: str,
        granularity: float,
        value: float,
    ) -> None:
        """Wait until Gnocchi has this value of a meter."""

        def values() -> list[float]:
            return [
                measure.value
                for resource in self.gnocchi.resources(original_id, kind)
                if meter in resource['metrics']
                for measure in self.gnocchi.measures(
                    resource['metrics'][meter],
                    aggregation,
                    granularity=granularity,
                )
            ]

        base.wait_for(
            lambda: value in values(),
            60,
            f'{meter} {value} of {original_id} in Gnocchi',
        )

    def configuration(self, *parts: str) -> pathlib.Path:
        """Write the configuration of a service, and return its path."""
        path = self._directory / 'service.conf'
        path.write_text('\n'.join(parts))
        return path
