# SPDX-License-Identifier: Apache-2.0

"""Readings of one channel of a device, from the device's messages.

Sources of the presets: Tasmota's documentation of MQTT
(``tele/<topic>/SENSOR``, ``LWT``), Shelly's API documentation for generations
1 (``shellies/<id>/relay/<n>/power``, ``energy`` in watt-minutes, ``online``)
and 2 (``<id>/status/switch:<n>``, ``online``).
"""

import collections.abc
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.common import jsonpath
from energy_meter.drivers.common import units

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

#: Values of each preset for options that are not set.
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
        help='Type of device whose topics are known. Explicitly set '
        'options take precedence over it.',
    ),
    cfg.StrOpt(
        'watts_topic',
        help='Topic of the power. {device} and {channel} are replaced by '
        'the name of the device and the number of its channel.',
    ),
    cfg.StrOpt('energy_topic', help='Topic of the energy counter.'),
    cfg.StrOpt(
        'online_topic', help='Topic of the availability of the device.'
    ),
    cfg.StrOpt(
        'offline',
        help='Payload on online_topic if the device is offline. The default '
        'is that of the preset, or "offline".',
    ),
    *jsonpath.OPTS,
)


class Channel:
    """One channel of a device.

    :param probe: ID of the probe that measures it.
    :param name: name of the device, with ``:N`` for its channel N.
    :param options: values of :data:`OPTS`, as attributes.
    :raises DriverError: if the options are invalid.
    """

    def __init__(self, probe: str, name: str, options: typing.Any) -> None:
        settings = jsonpath.settings(
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
        self._scale = units.EnergyScale(
            settings['energy_unit'], settings['energy_step']
        )
        # The newest energy. The next power is reported with it.
        self._energy: object = None
        if not (self._watts_topic or self._energy_topic):
            raise exception.DriverError(
                reason='expected a preset, watts_topic or energy_topic'
            )

    @property
    def topics(self) -> set[str]:
        """The topics to subscribe to."""
        return set(
            filter(
                None,
                (self._watts_topic, self._energy_topic, self._online_topic),
            )
        )

    def on_message(
        self, topic: str, payload: bytes | bytearray, retained: bool
    ) -> measurement.Reading | None:
        """Process a message.

        A retained message may be arbitrarily old, so it is not a reading. It
        is still valid as the availability of the device.

        :returns: a reading, if the message contains one.
        :raises DeviceUnreachable: if it states that the device is offline.
        :raises ProtocolError: if it is malformed.
        """
        if topic == self._online_topic:
            self.on_availability(payload)
            return None
        if retained:
            return None
        try:
            document = jsonpath.parse(payload)
        except ValueError as e:
            raise exception.ProtocolError(
                device=topic, reason=f'not JSON: {e}'
            )
        return self._read(topic, document)

    def on_availability(self, payload: bytes | bytearray) -> None:
        """Process a message on the topic of the availability.

        Discard the newest energy, but keep accepting messages: a broker may
        publish the last will of an old connection after the device has
        reconnected.

        :raises DeviceUnreachable: if it states that the device is offline.
        """
        if payload == self._offline:
            self._energy = None
            raise exception.DeviceUnreachable(
                device=self._name,
                reason=f'{self._online_topic} reports it as offline',
            )

    def _read(
        self, topic: str, document: object
    ) -> measurement.Reading | None:
        watts = energy = jsonpath.MISSING
        if topic == self._energy_topic:
            energy = self._energy_path.find(document, topic)
            if energy is not jsonpath.MISSING:
                self._energy = energy
        if self._watts_topic is None:
            return self._scale.reading(self.probe, None, energy)
        if topic == self._watts_topic:
            watts = self._watts_path.find(document, topic)
        if watts is jsonpath.MISSING:
            return None
        return self._scale.reading(self.probe, watts, self._energy)


def _fill(template: str | None, name: str) -> str | None:
    """Replace the fields of a template by the device and its channel."""
    device, _, channel = name.rpartition(':')
    if not (device and channel.isdecimal()):
        device, channel = name, '0'
    return template and template.replace('{device}', device).replace(
        '{channel}', channel
    )


def _path(
    option: str, settings: collections.abc.Mapping[str, typing.Any], name: str
) -> jsonpath.Path:
    return jsonpath.Path(option, _fill(settings[option], name) or '$')
