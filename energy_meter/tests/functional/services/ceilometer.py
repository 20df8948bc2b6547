# SPDX-License-Identifier: Apache-2.0

"""Fixture for Ceilometer: polling agent and notification agent."""

import collections.abc
import json
import pathlib
import typing

import fixtures
from prometheus_client import metrics_core
from prometheus_client import parser
import requests

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import stack

METERS = ('power', 'energy')


class Ceilometer(base.Service):
    """Polls every two seconds and publishes samples into a file.

    Its pollsters come from the package installed in the same environment.

    :ivar configuration_file: for further agents of this Ceilometer.
    """

    def __init__(
        self,
        identity: keystone.Keystone,
        transport_url: str,
        options: str = '',
        publishers: collections.abc.Sequence[str] = (),
        exporter: bool = False,
        meters: collections.abc.Sequence[str] = METERS,
        env: collections.abc.Mapping[str, str] | None = None,
    ) -> None:
        """Describe the environment of Ceilometer.

        :param identity: Keystone with the catalog and the administrator as
            whom Ceilometer polls.
        :param transport_url: bus between the two agents.
        :param options: additional sections of ceilometer.conf.
        :param publishers: URLs of publishers in addition to the file.
        :param exporter: export the samples of the last poll to Prometheus.
        :param meters: names of the meters to poll.
        :param env: variables added to the environment of the polling agent.
        """
        super().__init__()
        self._identity = identity
        self._transport_url = transport_url
        self._options = options
        self._publishers = publishers
        self._exporter = exporter
        self._meters = meters
        self._env = env
        self._port = base.free_port()
        self._metrics = f'127.0.0.1:{self._port}'

    def _setUp(self) -> None:
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self._samples = directory / 'samples.json'
        config = self.configuration_file = self._configure(directory)
        self.notification = self.useFixture(
            base.Process(
                [
                    stack.program('ceilometer-agent-notification'),
                    '--config-file',
                    config,
                ]
            )
        )
        self.polling = self.useFixture(
            base.Process(
                [
                    stack.program('ceilometer-polling'),
                    '--config-file',
                    config,
                    '--polling-namespaces',
                    'central',
                ],
                ready=lambda: not self._exporter or base.listening(self._port),
                env=self._env,
            )
        )

    def _configure(self, directory: pathlib.Path) -> pathlib.Path:
        # JSON is YAML.
        polling = directory / 'polling.yaml'
        polling.write_text(
            json.dumps(
                {
                    'sources': [
                        {'name': 'test', 'interval': 2, 'meters': self._meters}
                    ]
                }
            )
        )
        pipeline = directory / 'pipeline.yaml'
        pipeline.write_text(
            json.dumps(
                {
                    'sources': [
                        {
                            'name': 'test',
                            'meters': self._meters,
                            'sinks': ['file'],
                        }
                    ],
                    'sinks': [
                        {
                            'name': 'file',
                            'publishers': [
                                f'file://{self._samples}?json',
                                *self._publishers,
                            ],
                        }
                    ],
                }
            )
        )
        config = directory / 'ceilometer.conf'
        config.write_text(
            '[DEFAULT]\n'
            f'transport_url = {self._transport_url}\n'
            f'pipeline_cfg_file = {pipeline}\n'
            '[polling]\n'
            f'cfg_file = {polling}\n'
            f'pollsters_definitions_dirs = {directory}/pollsters.d\n'
            f'enable_prometheus_exporter = {self._exporter}\n'
            f'prometheus_listen_addresses = {self._metrics}\n'
            f'{self._identity.login("service_credentials")}'
            'interface = internalURL\n'
            f'{self._options}\n'
        )
        return config

    def samples(self) -> list[dict[str, typing.Any]]:
        """Return the samples published so far, the oldest first."""
        if not self._samples.exists():
            return []
        return [
            json.loads(line) for line in self._samples.read_text().splitlines()
        ]

    def metrics(self) -> dict[str, metrics_core.Metric]:
        """Return the Prometheus metrics of the polling agent."""
        answer = requests.get(f'http://{self._metrics}/metrics', timeout=10)
        answer.raise_for_status()
        return {
            family.name: family
            for family in parser.text_string_to_metric_families(answer.text)
        }
