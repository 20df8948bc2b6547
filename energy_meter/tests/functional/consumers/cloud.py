# SPDX-License-Identifier: Apache-2.0

"""All that is between a wattmeter and who reads Gnocchi."""

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
    """API, Ceilometer and Gnocchi, set up as Watcher's page says."""

    def _setUp(self) -> None:
        self._directory = pathlib.Path(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        )
        super()._setUp()
        # As ceilometer-upgrade makes it.
        self.gnocchi.client().post(
            '/v1/resource_type', json={'name': 'ipmi'}, raise_exc=False
        )

    def ceilometer_options(self) -> str:
        """Poll what Watcher's page says, and publish it to Gnocchi.

        Our meters go there by our definition, Watcher's by Ceilometer's.
        """
        polling = yaml.safe_load(POLLING.read_text())
        for source in polling['sources']:
            source['interval'] = 2
        ours = f'resources_definition_file={installation.RESOURCES}'
        pipeline = {
            'sources': [
                {'name': 'all', 'meters': ['*'], 'sinks': ['gnocchi']}
            ],
            'sinks': [
                {
                    'name': 'gnocchi',
                    'publishers': [f'gnocchi://?{ours}', 'gnocchi://'],
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

    def charge(self, **wanted: str) -> None:
        """Let projects pay for probes, as a collector would.

        :param wanted: ids of projects by probe.
        """
        engine = sa.create_engine(self.api.database)
        try:
            with engine.begin() as connection:
                projects.configure(connection, wanted)
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
        """Wait until Gnocchi tells this value of a meter."""

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
            f'Gnocchi tells {meter} {value} of {original_id}',
        )

    def configuration(self, *parts: str) -> pathlib.Path:
        """Write the configuration of a service."""
        path = self._directory / 'service.conf'
        path.write_text('\n'.join(parts))
        return path
