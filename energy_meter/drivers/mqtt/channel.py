# SPDX-License-Identifier: Apache-2.0

"""Readings of one channel of a device, from the device's messages."""

import collections.abc
import time
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.common import jsonpath
from energy_meter.drivers.common import units
from energy_meter.drivers.mqtt import presets

PRESETS = presets.PRESETS

OPTS = (
    cfg.StrOpt(
        'preset',
        default='none',
        choices=sorted(presets.PRESETS),
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
    cfg.FloatOpt(
        'max_energy_age',
        default=300.0,
        min=1.0,
        help='Maximum time in seconds for which power is reported together '
        'with the last value of the energy counter. After that, the counter '
        'is silent, and power is reported alone.',
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
            options, presets.PRESETS[options.preset], presets.DEFAULTS
        )
        self.probe = probe
        self._name = name
        self._watts_topic = _fill(settings['watts_topic'], name)
        self._energy_topic = _fill(settings['energy_topic'], name)
        self._online_topic = _fill(settings['online_topic'], name)
        self._watts_path = _quantity('watts', settings, name)
        self._energy_path = _quantity('energy', settings, name)
        self._offline = settings['offline'].encode()
        self._scale = units.EnergyScale(
            settings['energy_unit'],
            settings['energy_step'],
            settings['watts_unit'],
        )
        # The newest energy, reported with each power until it is too old.
        self._energy: object = None
        self._energy_at = 0.0
        self._is_silent = False
        self._max_energy_age: float = options.max_energy_age
        if not (self._watts_topic or self._energy_topic):
            raise exception.DriverError(
                reason='expected a preset, watts_topic or energy_topic'
            )

    @property
    def silent_topic(self) -> str | None:
        """Topic of the energy counter, if the counter has become silent."""
        return self._energy_topic if self._is_silent else None

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
                self._energy, self._energy_at = energy, time.monotonic()
                self._is_silent = False
        if self._watts_topic is None:
            return self._scale.reading(self.probe, None, energy)
        if topic == self._watts_topic:
            watts = self._watts_path.find(document, topic)
        if watts is jsonpath.MISSING:
            return None
        return self._scale.reading(self.probe, watts, self._recent_energy())

    def _recent_energy(self) -> object:
        """Return the newest energy; None if the counter is silent.

        A counter that is repeated for ever stands still: the energy of the
        power that goes on would not be billed.
        """
        age = time.monotonic() - self._energy_at
        if self._energy is not None and age > self._max_energy_age:
            self._energy = None
            self._is_silent = True
        return self._energy


def split(name: str) -> tuple[str, str | None]:
    """Return a device and its channel; None if the name has no channel."""
    device, _, channel = name.rpartition(':')
    if device and channel.isdecimal():
        return device, channel
    return name, None


def _fill(template: str | None, name: str) -> str | None:
    """Replace the fields of a template by the device and its channel."""
    device, channel = split(name)
    return template and template.replace('{device}', device).replace(
        '{channel}', channel or '0'
    )


def _quantity(
    quantity: str,
    settings: collections.abc.Mapping[str, typing.Any],
    name: str,
) -> jsonpath.Quantity:
    """Return the path of a quantity, ``watts`` or ``energy``."""
    option = f'{quantity}_path'
    topic, path = settings[f'{quantity}_topic'] or '', settings[option]
    _, channel = split(name)
    return jsonpath.Quantity(
        option,
        _fill(path, name) or '$',
        None if '{channel}' in topic + path else channel,
    )
