# SPDX-License-Identifier: Apache-2.0

"""Devices and exporters that serve their values as a page over HTTP."""

import collections.abc
import typing
import urllib.parse

from oslo_config import cfg
from oslo_log import log as logging

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import device_clock
from energy_meter.drivers.common import http
from energy_meter.drivers.common import http_client
from energy_meter.drivers.common import jsonpath
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.common import units
from energy_meter.drivers.http_json import formats
from energy_meter.drivers.http_json import presets

LOG = logging.getLogger(__name__)


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
        cfg.ListOpt(
            'channels',
            default=[],
            help='Value of {channel} in the paths for each probe, in the '
            'order of the probes. The default is 0, 1, 2 ...',
        ),
        cfg.StrOpt(
            'format',
            default='json',
            choices=[
                ('json', 'JSON document.'),
                (
                    'prometheus',
                    "Prometheus' text format. watts_path and energy_path are "
                    'NAME or NAME{LABEL="VALUE"}.',
                ),
            ],
            help='Format of the page.',
        ),
        *jsonpath.OPTS,
        cfg.StrOpt(
            'records_path',
            help='JSONPath of the records of a probe, of which the newest is '
            'read. The other paths are then relative to a record.',
        ),
        cfg.StrOpt(
            'time_path',
            help='JSONPath of the time of the measurement: seconds since '
            'the epoch or ISO 8601, in UTC unless it has a time zone.',
        ),
        cfg.StrOpt(
            'valid_path',
            help='JSONPath of a value that is false while power and energy '
            'are invalid.',
        ),
        cfg.FloatOpt(
            'max_age',
            default=120.0,
            min=0.1,
            help='Maximum age in seconds of a measurement with a time. '
            'Older ones are stale and not read.',
        ),
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
        self._channels: dict[str, formats.Channel] = {}
        self._probe_reader = per_probe.ProbeReader(LOG)
        self._client: http_client.Client | None = None

    def open(self) -> None:
        options = self.options
        preset = presets.PRESETS[options.preset]
        self._format = formats.FORMATS[options.format]
        settings = jsonpath.settings(
            options, preset, presets.DEFAULTS | self._format.defaults
        )
        if not (settings['watts_path'] or settings['energy_path']):
            raise exception.DriverError(
                reason='expected a preset, watts_path or energy_path'
            )
        self._channels = self._make_channels(preset, settings)
        self._energy = units.EnergyScale(
            settings['energy_unit'],
            settings['energy_step'],
            settings['watts_unit'],
        )
        url = options.url
        http.check(url)
        if urllib.parse.urlsplit(url).path in ('', '/'):
            url = urllib.parse.urljoin(url, preset.get('page', ''))
        self._client = http_client.Client(
            url, options, options.authentication, self._format.max_size
        )
        self._clock = device_clock.DeviceClock(
            self._client.name, options.max_age
        )

    def close(self) -> None:
        """Close the connection; a read of another thread ends at once."""
        if self._client is not None:
            self._client.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        client = typing.cast(http_client.Client, self._client)
        response = client.get()
        try:
            page = self._format.parse(response.body)
        except ValueError as e:
            raise client.error(f'the page is not {self._format.name}: {e}')
        return self._probe_reader.read(
            self._channels,
            lambda probe, channel: self._reading(
                probe, channel.read(page, client.name)
            ),
        )

    def _make_channels(
        self,
        preset: collections.abc.Mapping[str, typing.Any],
        settings: formats.Settings,
    ) -> dict[str, formats.Channel]:
        names = (
            self.options.channels
            or preset.get('channels')
            or [str(i) for i in range(len(self.probes))]
        )
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise exception.DriverError(
                reason=f'channels names {", ".join(sorted(repeated))} twice: '
                'its energy would be billed twice'
            )
        # A single probe without a channel may meter a device without any.
        is_explicit = bool(self.options.channels) or len(self.probes) > 1
        return per_probe.assign(
            'channels',
            [
                self._format.channel(settings, name, is_explicit)
                for name in names
            ],
            self.probes,
        )

    def _reading(
        self, probe: str, values: formats.Values | None
    ) -> measurement.Reading | None:
        if values is None or not values.is_valid:
            return None
        client = typing.cast(http_client.Client, self._client)
        if values.watts is values.energy is jsonpath.MISSING:
            raise client.error(
                f'the page has neither power nor energy of probe {probe}'
            )
        monotonic = None
        if values.time is not None:
            monotonic = self._clock.to_monotonic(probe, values.time)
            if monotonic is None:
                return None
        return self._energy.reading(
            probe, values.watts, values.energy, monotonic
        )
