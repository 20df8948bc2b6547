# SPDX-License-Identifier: Apache-2.0

"""Fixture for Prometheus."""

import os
import typing

import requests
import yaml

from energy_meter.tests.functional.services import base

TIMEOUT_S = 20


class Prometheus(base.Process):
    """Prometheus server that scrapes its targets once a second.

    :param jobs: value of ``scrape_configs``.
    """

    def __init__(self, jobs: list[dict[str, typing.Any]]) -> None:
        self._port = base.free_port()
        self._url = f'http://127.0.0.1:{self._port}'
        self._jobs = jobs
        super().__init__(['prometheus'], ready=self._is_up)

    def prepare(self) -> None:
        """Write its configuration."""
        config = self.directory / 'prometheus.yml'
        config.write_text(
            yaml.safe_dump(
                {
                    'global': {
                        'scrape_interval': '1s',
                        'scrape_timeout': '1s',
                    },
                    'scrape_configs': self._jobs,
                }
            )
        )
        self.argv += [
            f'--config.file={config}',
            f'--storage.tsdb.path={self.directory / "data"}',
            f'--web.listen-address=127.0.0.1:{self._port}',
        ]
        # By default it looks for consoles in /etc.
        for name in 'templates', 'libraries':
            self.argv.append(f'--web.console.{name}={os.devnull}')

    def query(self, text: str) -> list[dict[str, typing.Any]]:
        """Return the instant vector of a query."""
        data = self._get('query', query=text)
        assert data['resultType'] == 'vector', text
        return list(data['result'])

    def labels(self, metric: str) -> set[str]:
        """Return the names of all labels that a metric ever had."""
        return {
            name
            for series in self._get('series', **{'match[]': metric})
            for name in series
        }

    def _get(self, path: str, **parameters: str) -> typing.Any:
        response = requests.get(
            f'{self._url}/api/v1/{path}', parameters, timeout=TIMEOUT_S
        )
        body = response.json()
        assert body['status'] == 'success', (parameters, body)
        return body['data']

    def _is_up(self) -> bool:
        try:
            return requests.get(f'{self._url}/-/ready', timeout=TIMEOUT_S).ok
        except requests.RequestException:
            return False
