# SPDX-License-Identifier: Apache-2.0


"""Reads any device that answers with a JSON page.

Sources of the presets: Shelly's API pages for generations 1 and 2
(``/status``: ``meters`` with ``total`` in watt-minutes; ``Shelly.GetStatus``:
``apower``, ``aenergy.total`` in Wh), Tasmota's page on commands (``Status
10``).
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
from energy_meter.drivers import _jsonpath
from energy_meter.drivers import _probewise
from energy_meter.drivers import _quantity
from energy_meter.drivers import _timeline
from energy_meter.drivers import _web
from energy_meter.drivers import base

LOG = logging.getLogger(__name__)

#: A page larger than this many bytes is refused.
MAX_SIZE = 1024 * 1024

_DEFAULTS = {
    'watts_path': None,
    'energy_path': None,
    'time_path': None,
    'valid_path': None,
    'energy_unit': 'kWh',
    'energy_step': 0.001,
}

#: What each preset says of the options that are not set; ``page`` is added
#: to a URL that names a host alone.
PRESETS: dict[str, dict[str, typing.Any]] = {
    'none': {},
    'shelly-gen1': {
        'page': '/status',
        'watts_path': 'meters[{outlet}].power',
        'energy_path': 'meters[{outlet}].total',
        'valid_path': 'meters[{outlet}].is_valid',
        'energy_unit': 'Wmin',
        'energy_step': 1.0,
    },
    'shelly-gen2': {
        'page': '/rpc/Shelly.GetStatus',
        'watts_path': '"switch:{outlet}".apower',
        'energy_path': '"switch:{outlet}".aenergy.total',
        'energy_unit': 'Wh',
    },
    'tasmota': {
        'page': '/cm?cmnd=Status%2010',
        'watts_path': 'StatusSNS.ENERGY.Power',
        'energy_path': 'StatusSNS.ENERGY.Total',
    },
}


class _Session(requests.Session):
    """A session that is never led to another host."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is None:
            return None
        here = urllib.parse.urlsplit(resp.url)
        there = urllib.parse.urlsplit(urllib.parse.urljoin(resp.url, target))
        if there.hostname != here.hostname or there.scheme not in (
            here.scheme,
            'https',
        ):
            raise exception.ProtocolError(
                device=_web.masked(resp.url),
                reason=f'redirects to {_web.masked(there.geturl())}, which '
                'is not followed',
            )
        return target


class _Outlet:
    """Where the page shows one outlet.

    :param settings: what the options and the preset say.
    """

    def __init__(
        self, settings: collections.abc.Mapping[str, typing.Any], outlet: str
    ) -> None:
        self.watts, self.energy, self.time, self.valid = (
            settings[option]
            and _jsonpath.Path(
                option, settings[option].replace('{outlet}', outlet)
            )
            for option in (
                'watts_path',
                'energy_path',
                'time_path',
                'valid_path',
            )
        )


class HTTPJSON(base.PolledDriver):
    """Fetches a page and finds the probes in it."""

    scope = 'outlet'
    opts = (
        cfg.StrOpt(
            'url',
            secret=True,
            required=True,
            help='Address of the page; with a preset, of the device: '
            'http://HOST.',
        ),
        cfg.StrOpt(
            'preset',
            default='none',
            choices=sorted(PRESETS),
            help='A kind of device whose page is known. Options that '
            'are set go before it.',
        ),
        cfg.ListOpt(
            'outlets',
            default=[],
            help='What stands for {outlet} in the paths, for each '
            'probe in their order. The default is 0, 1, 2 ...',
        ),
        *_jsonpath.OPTS,
        cfg.StrOpt(
            'time_path',
            help='JSONPath of the time of the measurement: seconds '
            'since the epoch or ISO 8601, in UTC unless it says '
            'otherwise.',
        ),
        cfg.StrOpt(
            'valid_path',
            help='JSONPath of what is false while power and energy '
            'are not valid.',
        ),
        cfg.FloatOpt(
            'max_age',
            default=120.0,
            min=0.1,
            help='A measurement whose time is more than this many '
            'seconds ago is stale: no reading.',
        ),
        cfg.StrOpt(
            'authentication',
            default='basic',
            choices=['basic', 'digest'],
            help='How username and password are shown. Shelly '
            'generation 2 wants digest.',
        ),
        *_web.OPTS,
    )

    def open(self) -> None:
        options = self.options
        preset = PRESETS[options.preset]
        settings = _jsonpath.settings(options, preset, _DEFAULTS)
        url = options.url
        _web.check(url)
        if urllib.parse.urlsplit(url).path in ('', '/'):
            url = urllib.parse.urljoin(url, preset.get('page', ''))
        if not (settings['watts_path'] or settings['energy_path']):
            raise exception.DriverError(
                reason='expected a preset, watts_path or energy_path'
            )
        self._url, self._name = url, _web.masked(url)
        names = options.outlets or [str(i) for i in range(len(self.probes))]
        self._outlets = _probewise.assign(
            'outlets', [_Outlet(settings, name) for name in names], self.probes
        )
        self._probewise = _probewise.Probewise(LOG)
        self._energy = _quantity.EnergyScale(
            settings['energy_unit'], settings['energy_step']
        )
        self._timeline = _timeline.Timeline(self._name, options.max_age)
        self._session = self._make_session()

    def close(self) -> None:
        if hasattr(self, '_session'):
            self._session.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        self._page = self._fetch()
        return self._probewise.read(self._outlets, self._read_outlet)

    def _make_session(self) -> requests.Session:
        options = self.options
        session = _Session()
        # Neither proxies nor passwords of the agent's environment.
        session.trust_env = False
        session.verify = _web.verification(options)
        if options.username:
            scheme = (
                requests.auth.HTTPDigestAuth
                if options.authentication == 'digest'
                else requests.auth.HTTPBasicAuth
            )
            session.auth = scheme(options.username, options.password)
        return session

    def _fetch(self) -> object:
        deadline = time.monotonic() + self.options.timeout
        try:
            with self._session.get(
                self._url, stream=True, timeout=self.options.timeout
            ) as answer:
                self._check(answer)
                body = self._body(answer, deadline)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as e:
            raise exception.DeviceUnreachable(
                device=self._name, reason=_web.reason(e)
            )
        try:
            return _jsonpath.parse(body)
        except ValueError as e:
            raise self._error(f'the page is no JSON: {e}')

    def _check(self, answer: requests.Response) -> None:
        status = f'{answer.status_code} {answer.reason}'
        if answer.status_code in (401, 403):
            raise exception.AuthenticationFailed(
                device=self._name, user=self.options.username or '(none)'
            )
        if answer.status_code >= 500:
            raise exception.DeviceUnreachable(device=self._name, reason=status)
        if answer.status_code != 200:
            raise self._error(f'answered {status}, expected 200')

    def _body(self, answer: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        # Not iter_content, which waits until its piece is full.
        while piece := answer.raw.read1(16 * 1024, decode_content=True):
            body += piece
            if len(body) > MAX_SIZE:
                raise self._error(f'the page has more than {MAX_SIZE} bytes')
            if time.monotonic() > deadline:
                raise exception.DeviceUnreachable(
                    device=self._name,
                    reason='the page was not complete '
                    f'within {self.options.timeout:g} s',
                )
        return bytes(body)

    def _read_outlet(
        self, probe: str, outlet: _Outlet
    ) -> measurement.Reading | None:
        if self._find(outlet.valid, True) is False:
            return None
        watts = self._find(outlet.watts)
        energy = self._find(outlet.energy)
        if watts is energy is _jsonpath.MISSING:
            raise self._error(
                f'the page shows neither power nor energy of '
                f'probe {probe} where it was expected'
            )
        at = None
        if outlet.time is not None:
            at = self._timeline.place(probe, self._find(outlet.time))
            if at is None:
                return None
        return self._energy.reading(probe, watts, energy, at)

    def _find(
        self, path: _jsonpath.Path | None, default: object = _jsonpath.MISSING
    ) -> object:
        if path is None:
            return default
        return path.find(self._page, self._name)

    def _error(self, reason: str) -> exception.ProtocolError:
        return exception.ProtocolError(device=self._name, reason=reason)
