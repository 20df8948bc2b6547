# SPDX-License-Identifier: Apache-2.0

"""Devices and exporters that serve their values as a page over HTTP."""

import collections.abc
import typing
import urllib.parse

from oslo_config import cfg
from oslo_log import log as logging

from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import extractor
from energy_meter.drivers.common import formats
from energy_meter.drivers.common import http
from energy_meter.drivers.common import http_client
from energy_meter.drivers.http_json import presets

LOG = logging.getLogger(__name__)

#: Maximum size of a page in bytes by its format.
MAX_SIZES = {
    'json': bounds.MAX_DOCUMENT_BYTES,
    'prometheus': bounds.MAX_METRICS_BYTES,
}


class HTTPJSON(base.Driver):
    """Fetches a page and extracts the readings."""

    scope = 'outlet'
    opts = (
        cfg.StrOpt(
            'url',
            secret=True,
            required=True,
            help='URL of the page. With a preset, URL of the device: '
            'http://HOST.',
        ),
        cfg.StrOpt(
            'preset',
            default='none',
            choices=sorted(presets.PRESETS),
            help='Type of device whose page is known. Explicitly set '
            'options take precedence over it.',
        ),
        cfg.StrOpt(
            'format',
            default='json',
            choices=formats.CHOICES,
            help='Format of the page.',
        ),
        *extractor.OPTS,
        cfg.StrOpt(
            'authentication',
            default='basic',
            choices=['basic', 'digest'],
            help='HTTP authentication scheme. Shelly generation 2 requires '
            'digest.',
        ),
        *http.OPTS,
    )

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._client: http_client.Client | None = None

    def open(self) -> None:
        options = self.options
        preset = presets.PRESETS[options.preset]
        url = options.url
        http.check(url)
        if urllib.parse.urlsplit(url).path in ('', '/'):
            url = urllib.parse.urljoin(url, preset.get('page', ''))
        self._client = http_client.Client(
            url, options, options.authentication, MAX_SIZES[options.format]
        )
        self._extractor = extractor.Extractor(
            extractor.Source(self._client.name, 'page'),
            options,
            self.probes,
            LOG,
            preset=preset,
        )

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def abort(self) -> None:
        self.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        client = typing.cast(http_client.Client, self._client)
        return self._extractor.read(client.get().body)
