# SPDX-License-Identifier: Apache-2.0

"""A private Prometheus."""

import os
import typing

import requests
import yaml

from energy_meter.tests.functional.services import base

TIMEOUT = 20


class Prometheus(base.Process):
    """Scrapes what its configuration names, each second.

    :param jobs: its ``scrape_configs``.
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
        # Without the directories of consoles it would look in /etc.
        for name in 'templates', 'libraries':
            self.argv.append(f'--web.console.{name}={os.devnull}')

    def query(self, text: str) -> list[dict[str, typing.Any]]:
        """Ask for the instant vector that a query gives now."""
        data = self._get('query', query=text)
        assert data['resultType'] == 'vector', text
        return list(data['result'])

    def labels(self, metric: str) -> set[str]:
        """Give the names of all labels that a metric ever had."""
        return {
            name
            for series in self._get('series', **{'match[]': metric})
            for name in series
        }

    def _get(self, path: str, **parameters: str) -> typing.Any:
        answer = requests.get(
            f'{self._url}/api/v1/{path}', parameters, timeout=TIMEOUT
        )
        body = answer.json()
        assert body['status'] == 'success', (parameters, body)
        return body['data']

    def _is_up(self) -> bool:
        try:
            return requests.get(f'{self._url}/-/ready', timeout=TIMEOUT).ok
        except requests.RequestException:
            return False
