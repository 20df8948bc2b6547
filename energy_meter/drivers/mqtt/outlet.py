# SPDX-License-Identifier: Apache-2.0


"""What a device's messages say of one of its outlets.

Sources of the presets: Tasmota's page on MQTT (``tele/<topic>/SENSOR``,
``LWT``), Shelly's API pages for generations 1 (``shellies/<id>/relay/<n>/
power``, ``energy`` in watt-minutes, ``online``) and 2 (``<id>/status/
switch:<n>``, ``online``).
"""

import collections.abc
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import _jsonpath
from energy_meter.drivers import _quantity

_DEFAULTS = {
    'watts_topic': None,
    'energy_topic': None,
    'online_topic': None,
    'offline': 'offline',
    'watts_path': '$',
    'energy_path': '$',
    'energy_unit': 'kWh',
    'energy_step': 0.001,
}

#: What each preset says of the options that are not set.
PRESETS: dict[str, dict[str, object]] = {
    'none': {},
    'shelly-gen1': {
        'watts_topic': 'shellies/{device}/relay/{channel}/power',
        'energy_topic': 'shellies/{device}/relay/{channel}/energy',
        'online_topic': 'shellies/{device}/online',
        'offline': 'false',
        'energy_unit': 'Wmin',
        'energy_step': 1.0,
    },
    'shelly-gen2': {
        'watts_topic': '{device}/status/switch:{channel}',
        'energy_topic': '{device}/status/switch:{channel}',
        'online_topic': '{device}/online',
        'offline': 'false',
        'watts_path': 'apower',
        'energy_path': 'aenergy.total',
        'energy_unit': 'Wh',
    },
    'tasmota': {
        'watts_topic': 'tele/{device}/SENSOR',
        'energy_topic': 'tele/{device}/SENSOR',
        'online_topic': 'tele/{device}/LWT',
        'offline': 'Offline',
        'watts_path': 'ENERGY.Power',
        'energy_path': 'ENERGY.Total',
    },
}

OPTS = (
    cfg.StrOpt(
        'preset',
        default='none',
        choices=sorted(PRESETS),
        help='A kind of device whose topics are known. Options that '
        'are set go before it.',
    ),
    cfg.StrOpt(
        'watts_topic',
        help='Topic of the power; {device} and {channel} stand for '
        'those of the outlet.',
    ),
    cfg.StrOpt('energy_topic', help='Topic of the energy counter.'),
    cfg.StrOpt(
        'online_topic', help='Topic that tells whether the device is there.'
    ),
    cfg.StrOpt(
        'offline',
        help='What it says when the device is not: offline unless a '
        'preset says otherwise.',
    ),
    *_jsonpath.OPTS,
)


class Outlet:
    """One outlet of a device.

    :param probe: id of the probe that measures it.
    :param name: of the device; with ``:N`` for its channel N.
    :param options: values of :data:`OPTS`, as attributes.
    :raises DriverError: when they make no sense.
    """

    def __init__(self, probe: str, name: str, options: typing.Any) -> None:
        settings = _jsonpath.settings(
            options, PRESETS[options.preset], _DEFAULTS
        )
        self.probe = probe
        self._name = name
        self._watts_topic = _fill(settings['watts_topic'], name)
        self._energy_topic = _fill(settings['energy_topic'], name)
        self._online_topic = _fill(settings['online_topic'], name)
        self._watts_path = _path('watts_path', settings, name)
        self._energy_path = _path('energy_path', settings, name)
        self._offline = settings['offline'].encode()
        self._scale = _quantity.EnergyScale(
            settings['energy_unit'], settings['energy_step']
        )
        # The newest energy, which the next watts take along.
        self._energy: object = None
        if not (self._watts_topic or self._energy_topic):
            raise exception.DriverError(
                reason='expected a preset, watts_topic or energy_topic'
            )

    @property
    def topics(self) -> set[str]:
        """What to subscribe to."""
        return set(
            filter(
                None,
                (self._watts_topic, self._energy_topic, self._online_topic),
            )
        )

    def hear(
        self, topic: str, payload: bytes | bytearray, retained: bool
    ) -> measurement.Reading | None:
        """Take a message; give a reading if it makes one.

        What is retained is old, however fresh it looks, and makes no
        reading; but it may tell that the device is away.

        :raises DeviceUnreachable: when it says that the device is offline.
        :raises ProtocolError: when it makes no sense.
        """
        if topic == self._online_topic:
            self._note_presence(payload)
            return None
        if retained:
            return None
        try:
            document = _jsonpath.parse(payload)
        except ValueError as e:
            raise exception.ProtocolError(device=topic, reason=f'no JSON: {e}')
        return self._read(topic, document)

    def _note_presence(self, payload: bytes | bytearray) -> None:
        # Nothing but forgetting: a broker may publish the last will of an
        # old connection after the device is back, so what comes live is
        # believed at any time.
        if payload == self._offline:
            self._energy = None
            raise exception.DeviceUnreachable(
                device=self._name,
                reason=f'{self._online_topic} says that it is offline',
            )

    def _read(
        self, topic: str, document: object
    ) -> measurement.Reading | None:
        watts = energy = _jsonpath.MISSING
        if topic == self._energy_topic:
            energy = self._energy_path.find(document, topic)
            if energy is not _jsonpath.MISSING:
                self._energy = energy
        if self._watts_topic is None:
            return self._scale.reading(self.probe, None, energy)
        if topic == self._watts_topic:
            watts = self._watts_path.find(document, topic)
        if watts is _jsonpath.MISSING:
            return None
        return self._scale.reading(self.probe, watts, self._energy)


def _fill(template: str | None, name: str) -> str | None:
    """Put the device and the channel of an outlet into a template."""
    device, _, channel = name.rpartition(':')
    if not (device and channel.isdecimal()):
        device, channel = name, '0'
    return template and template.replace('{device}', device).replace(
        '{channel}', channel
    )


def _path(
    option: str, settings: collections.abc.Mapping[str, typing.Any], name: str
) -> _jsonpath.Path:
    return _jsonpath.Path(option, _fill(settings[option], name) or '$')
