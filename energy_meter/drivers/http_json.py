# SPDX-License-Identifier: Apache-2.0

"""Devices that serve their values as a JSON page over HTTP.

Sources of the presets: Shelly's API documentation for generations 1 and 2
(``/status``: ``meters`` with ``total`` in watt-minutes; ``Shelly.GetStatus``:
``apower``, ``aenergy.total`` in Wh), Tasmota's documentation of commands
(``Status 10``).
"""

import collections.abc
import time
import typing
import urllib.parse

from oslo_config import cfg
from oslo_log import log as logging
import requests
import requests.auth
import urllib3.exceptions

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import device_clock
from energy_meter.drivers.common import http
from energy_meter.drivers.common import jsonpath
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.common import units

LOG = logging.getLogger(__name__)

#: Maximum size of a page in bytes.
MAX_SIZE = 1024 * 1024

_DEFAULTS = {
    'watts_path': None,
    'energy_path': None,
    'time_path': None,
    'valid_path': None,
    'energy_unit': 'kWh',
    'energy_step': 0.001,
}

#: Values of each preset for options that are not set; ``page`` is appended to
#: a URL without a path.
PRESETS: dict[str, dict[str, typing.Any]] = {
    'none': {},
    'shelly-gen1': {
        'page': '/status',
        'watts_path': 'meters[{channel}].power',
        'energy_path': 'meters[{channel}].total',
        'valid_path': 'meters[{channel}].is_valid',
        'energy_unit': 'Wmin',
        'energy_step': 1.0,
    },
    'shelly-gen2': {
        'page': '/rpc/Shelly.GetStatus',
        'watts_path': '"switch:{channel}".apower',
        'energy_path': '"switch:{channel}".aenergy.total',
        'energy_unit': 'Wh',
    },
    'tasmota': {
        'page': '/cm?cmnd=Status%2010',
        'watts_path': 'StatusSNS.ENERGY.Power',
        'energy_path': 'StatusSNS.ENERGY.Total',
    },
}


class _Session(requests.Session):
    """Session that does not follow redirects to another host."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is None:
            return None
        current = urllib.parse.urlsplit(resp.url)
        new = urllib.parse.urlsplit(urllib.parse.urljoin(resp.url, target))
        if new.hostname != current.hostname or new.scheme not in (
            current.scheme,
            'https',
        ):
            raise exception.ProtocolError(
                device=http.masked(resp.url),
                reason=f'redirects to {http.masked(new.geturl())}, which '
                'is not followed',
            )
        return target


class _Channel:
    """Paths of the values of one channel in the page.

    :param settings: values of the options and the preset.
    """

    def __init__(
        self, settings: collections.abc.Mapping[str, typing.Any], channel: str
    ) -> None:
        self.watts, self.energy, self.time, self.valid = (
            settings[option]
            and jsonpath.Path(
                option, settings[option].replace('{channel}', channel)
            )
            for option in (
                'watts_path',
                'energy_path',
                'time_path',
                'valid_path',
            )
        )


class HTTPJSON(base.Driver):
    """Fetches a JSON page and extracts the readings."""

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
            choices=sorted(PRESETS),
            help='Type of device whose page is known. Explicitly set '
            'options take precedence over it.',
        ),
        cfg.ListOpt(
            'channels',
            default=[],
            help='Value of {channel} in the paths for each probe, in the '
            'order of the probes. The default is 0, 1, 2 ...',
        ),
        *jsonpath.OPTS,
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
        self._channels: dict[str, _Channel] = {}
        self._probe_reader = per_probe.ProbeReader(LOG)
        self._session = _Session()

    def open(self) -> None:
        options = self.options
        preset = PRESETS[options.preset]
        settings = jsonpath.settings(options, preset, _DEFAULTS)
        url = options.url
        http.check(url)
        if urllib.parse.urlsplit(url).path in ('', '/'):
            url = urllib.parse.urljoin(url, preset.get('page', ''))
        if not (settings['watts_path'] or settings['energy_path']):
            raise exception.DriverError(
                reason='expected a preset, watts_path or energy_path'
            )
        self._url, self._name = url, http.masked(url)
        names = options.channels or [str(i) for i in range(len(self.probes))]
        self._channels = per_probe.assign(
            'channels',
            [_Channel(settings, name) for name in names],
            self.probes,
        )
        self._energy = units.EnergyScale(
            settings['energy_unit'], settings['energy_step']
        )
        self._clock = device_clock.DeviceClock(self._name, options.max_age)
        self._configure_session()

    def close(self) -> None:
        self._session.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        page = self._fetch()
        return self._probe_reader.read(
            self._channels,
            lambda probe, channel: self._read_channel(probe, channel, page),
        )

    def _configure_session(self) -> None:
        options = self.options
        # Ignore proxies and passwords in the agent's environment.
        self._session.trust_env = False
        self._session.verify = http.verification(options)
        if options.username:
            scheme = (
                requests.auth.HTTPDigestAuth
                if options.authentication == 'digest'
                else requests.auth.HTTPBasicAuth
            )
            self._session.auth = scheme(options.username, options.password)

    def _fetch(self) -> object:
        deadline = time.monotonic() + self.options.timeout
        try:
            with self._session.get(
                self._url, stream=True, timeout=self.options.timeout
            ) as response:
                self._check_status(response)
                body = self._read_body(response, deadline)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as e:
            raise self._unreachable(http.reason(e))
        try:
            return jsonpath.parse(body)
        except ValueError as e:
            raise self._error(f'the page is not JSON: {e}')

    def _check_status(self, response: requests.Response) -> None:
        status = f'{response.status_code} {response.reason}'
        if response.status_code in (401, 403):
            raise exception.AuthenticationFailed(
                device=self._name, user=self.options.username or '(none)'
            )
        if response.status_code >= 500:
            raise self._unreachable(status)
        if response.status_code != 200:
            raise self._error(f'answered {status}, expected 200')

    def _read_body(
        self, response: requests.Response, deadline: float
    ) -> bytes:
        body = bytearray()
        # iter_content() would wait for a full chunk and miss the deadline.
        while chunk := response.raw.read1(16 * 1024, decode_content=True):
            body += chunk
            if len(body) > MAX_SIZE:
                raise self._error(f'the page has more than {MAX_SIZE} bytes')
            if time.monotonic() > deadline:
                raise self._unreachable(
                    'the page was not complete '
                    f'within {self.options.timeout:g} s'
                )
        return bytes(body)

    def _read_channel(
        self, probe: str, channel: _Channel, page: object
    ) -> measurement.Reading | None:
        if self._find(channel.valid, page, True) is False:
            return None
        watts = self._find(channel.watts, page)
        energy = self._find(channel.energy, page)
        if watts is energy is jsonpath.MISSING:
            raise self._error(
                f'the page has neither power nor energy of probe {probe}'
            )
        monotonic = None
        if channel.time is not None:
            timestamp = self._find(channel.time, page)
            monotonic = self._clock.to_monotonic(probe, timestamp)
            if monotonic is None:
                return None
        return self._energy.reading(probe, watts, energy, monotonic)

    def _find(
        self,
        path: jsonpath.Path | None,
        page: object,
        default: object = jsonpath.MISSING,
    ) -> object:
        if path is None:
            return default
        return path.find(page, self._name)

    def _unreachable(self, reason: str) -> exception.DeviceUnreachable:
        return exception.DeviceUnreachable(device=self._name, reason=reason)

    def _error(self, reason: str) -> exception.ProtocolError:
        return exception.ProtocolError(device=self._name, reason=reason)
