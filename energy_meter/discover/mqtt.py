# SPDX-License-Identifier: Apache-2.0

"""Discovery of devices that publish to an MQTT broker."""

import collections.abc
import re
import time
import types
import typing

import paho.mqtt.client

from energy_meter import exception
from energy_meter.agent import oneshot
from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.discover import section_tester
from energy_meter.discover import target as targets
from energy_meter.drivers.mqtt import channel as mqtt_channel
from energy_meter.drivers.mqtt import network

ACCURACY = 'not stated; calibrate it'

#: Topics of a preset that contain the name of the device.
TOPICS = ('watts_topic', 'energy_topic')


class Preset:
    """Device type, with the channels that published messages.

    :ivar results: reading of each channel by name; None if only a retained
        message was received.
    """

    def __init__(self, name: str, section: sections.Section) -> None:
        self.name = name
        self.results: dict[str, oneshot.Result | None] = {}
        self.section = section
        settings = mqtt_channel.PRESETS[name]
        self._topics = {str(settings[key]) for key in TOPICS}
        self._patterns = [_pattern(topic) for topic in self._topics]
        self._options = types.SimpleNamespace(
            **section_tester.load(section).options
        )
        self._channels: dict[str, mqtt_channel.Channel] = {}

    @property
    def subscriptions(self) -> set[str]:
        """Topic filters for all devices of this type."""
        # In MQTT, a wildcard always replaces a whole topic level.
        return {re.sub('[^/]*{[^/]*', '+', topic) for topic in self._topics}

    def on_message(
        self, topic: str, payload: bytes | bytearray, retained: bool
    ) -> None:
        """Record the reading in a message from a device of this type."""
        match = next(
            filter(
                None, (pattern.fullmatch(topic) for pattern in self._patterns)
            ),
            None,
        )
        if match is None:
            return
        name = ':'.join(match.groupdict().values())
        channel = self._channels.setdefault(
            name, mqtt_channel.Channel(self.probe(name), name, self._options)
        )
        try:
            reading = channel.on_message(topic, payload, retained)
        except exception.DriverError:
            return
        if reading is not None:
            self.results[name] = oneshot.Result(
                self.section.name,
                'mqtt',
                reading.probe,
                'outlet',
                reading,
                None,
            )
        elif retained:
            self.results.setdefault(name, None)

    def probe(self, name: str) -> str:
        """Return the probe ID of a channel."""
        return sections.make_name('mqtt', name)


def _pattern(topic: str) -> re.Pattern[str]:
    escaped = re.escape(topic)
    return re.compile(
        escaped.replace(r'\{device\}', '(?P<device>[^/]+)').replace(
            r'\{channel\}', '(?P<channel>[0-9]+)'
        )
    )


def discover(
    target: targets.Target,
    options: collections.abc.Mapping[str, typing.Any],
    secrets: collections.abc.Mapping[str, str],
    seconds: float,
) -> collections.abc.Iterator[finding.Finding]:
    """Listen for messages of devices of all presets.

    :param seconds: how long to listen.
    """
    device = f'MQTT {target}'
    presets = _presets(target, options, secrets)
    port = target.port or (8883 if options['tls'] else 1883)
    try:
        _Listener(options, secrets, presets).listen(target.host, port, seconds)
    except OSError as e:
        yield finding.Finding(
            device,
            (
                str(e),
                'check the address of the broker, and whether it requires a '
                'user (--mqtt-user) or TLS (--mqtt-tls)',
            ),
        )
        return
    for preset in presets:
        yield from _findings(device, preset)
    if not any(preset.results for preset in presets):
        yield finding.Finding(
            device,
            (
                'no messages from Tasmota or Shelly devices within '
                f'{seconds:g} s. Tasmota publishes every 5 minutes unless '
                'TelePeriod is shorter: increase --listen. Other devices '
                'require the options watts_topic and watts_path',
            ),
        )


def _presets(
    target: targets.Target,
    options: collections.abc.Mapping[str, typing.Any],
    secrets: collections.abc.Mapping[str, str],
) -> list[Preset]:
    return [
        Preset(
            name,
            sections.Section.create(
                target.make_name('mqtt', name),
                'mqtt',
                {'': None},
                {**target.options, **options, 'preset': name},
                secrets,
            ),
        )
        for name, settings in mqtt_channel.PRESETS.items()
        if settings
    ]


def _findings(
    device: str, preset: Preset
) -> collections.abc.Iterator[finding.Finding]:
    results = {
        name: result
        for name, result in sorted(preset.results.items())
        if result is not None
    }
    if results:
        names = list(results)
        yield finding.Finding(
            f'{device}, {preset.name}',
            (),
            sections.Section(
                preset.section.name,
                'mqtt',
                tuple(map(preset.probe, names)),
                {**preset.section.options, 'channels': names},
                preset.section.secrets,
            ),
            tuple(results.values()),
            ACCURACY,
        )
    retained = [
        name for name, result in preset.results.items() if result is None
    ]
    if retained:
        yield finding.Finding(
            f'{device}, {preset.name} {", ".join(retained)}',
            (
                'the broker has only a retained message, and the device sent '
                'no message since. Check whether it is switched on, or '
                'increase --listen',
            ),
        )


class _Listener:
    """Passes messages to the presets.

    It replaces the driver, which requires the names of the devices.
    """

    def __init__(
        self,
        options: collections.abc.Mapping[str, typing.Any],
        secrets: collections.abc.Mapping[str, str],
        presets: list[Preset],
    ) -> None:
        self._presets = presets
        self._connect_error: str | None = None
        self._client = network.Client()
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        if options['username']:
            self._client.username_pw_set(
                options['username'], secrets['password']
            )
        if options['tls']:
            self._client.tls_set(options['ca_file'])

    def listen(self, host: str, port: int, seconds: float) -> None:
        """Receive messages for some time.

        :raises OSError: if the broker is unreachable or rejects the
            connection.
        """
        self._client.connect(host, port)
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                status = network.process(self._client, 0.5)
                if self._connect_error or status:
                    raise OSError(
                        self._connect_error
                        or paho.mqtt.client.error_string(status)
                    )
        finally:
            self._client.disconnect()

    def _on_connect(
        self,
        client: paho.mqtt.client.Client,
        _data: object,
        _flags: object,
        code: typing.Any,
        _properties: object,
    ) -> None:
        if code.is_failure:
            self._connect_error = str(code)
            return
        client.subscribe(
            [
                (topic, 0)
                for preset in self._presets
                for topic in sorted(preset.subscriptions)
            ]
        )

    def _on_message(
        self,
        _client: object,
        _data: object,
        message: paho.mqtt.client.MQTTMessage,
    ) -> None:
        for preset in self._presets:
            preset.on_message(message.topic, message.payload, message.retain)
