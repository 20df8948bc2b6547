# SPDX-License-Identifier: Apache-2.0

"""Devices that publish through an MQTT broker."""

import collections.abc
import re
import time
import types
import typing

import paho.mqtt.client
import paho.mqtt.enums

from energy_meter import exception
from energy_meter.agent import once
from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.discover import target as targets
from energy_meter.discover import trial as trials
from energy_meter.drivers.mqtt import outlet

ACCURACY = 'not stated; calibrate it'

#: Topics of each preset that a device's name can be told from.
TOPICS = ('watts_topic', 'energy_topic')


class Preset:
    """A kind of device, and the outlets of it that were heard.

    :ivar heard: what each outlet shows, by its name; None if only something
        old is known of it.
    """

    def __init__(self, name: str, section: sections.Section) -> None:
        self.name = name
        self.heard: dict[str, once.Result | None] = {}
        self.section = section
        settings = outlet.PRESETS[name]
        self._topics = {str(settings[key]) for key in TOPICS}
        self._patterns = [_pattern(topic) for topic in self._topics]
        self._options = types.SimpleNamespace(**trials.load(section).options)
        self._outlets: dict[str, outlet.Outlet] = {}

    @property
    def subscriptions(self) -> set[str]:
        """Topics for all devices; a wildcard takes a whole level."""
        return {re.sub('[^/]*{[^/]*', '+', topic) for topic in self._topics}

    def hear(
        self, topic: str, payload: bytes | bytearray, retained: bool
    ) -> None:
        """Take a message if it is of such a device."""
        match = next(
            filter(
                None, (pattern.fullmatch(topic) for pattern in self._patterns)
            ),
            None,
        )
        if match is None:
            return
        name = ':'.join(match.groupdict().values())
        listener = self._outlets.setdefault(
            name, outlet.Outlet(self.probe(name), name, self._options)
        )
        try:
            reading = listener.hear(topic, payload, retained)
        except exception.DriverError:
            return
        if reading is not None:
            self.heard[name] = once.Result(
                self.section.name,
                'mqtt',
                reading.probe,
                'outlet',
                reading,
                None,
            )
        elif retained:
            self.heard.setdefault(name, None)

    def probe(self, name: str) -> str:
        return sections.name_of('mqtt', name)


def _pattern(topic: str) -> re.Pattern[str]:
    escaped = re.escape(topic)
    return re.compile(
        escaped.replace(r'\{device\}', '(?P<device>[^/]+)').replace(
            r'\{channel\}', '(?P<channel>[0-9]+)'
        )
    )


def look(
    target: targets.Target,
    options: collections.abc.Mapping[str, typing.Any],
    secrets: collections.abc.Mapping[str, str],
    seconds: float,
) -> collections.abc.Iterator[finding.Finding]:
    """Listen for a while to devices of the presets."""
    what = f'MQTT {target}'
    presets = [
        Preset(
            name,
            sections.Section.of(
                target.name('mqtt', name),
                'mqtt',
                {'': None},
                {**target.options, **options, 'preset': name},
                secrets,
            ),
        )
        for name, settings in outlet.PRESETS.items()
        if settings
    ]
    port = target.port or (8883 if options['tls'] else 1883)
    try:
        _Listener(options, secrets, presets).listen(target.host, port, seconds)
    except OSError as e:
        yield finding.Finding(
            what,
            (
                str(e),
                'is it the address of the broker, and does it want a '
                'user (--mqtt-user) or TLS (--mqtt-tls)?',
            ),
        )
        return
    for preset in presets:
        yield from _report(what, preset)
    if not any(preset.heard for preset in presets):
        yield finding.Finding(
            what,
            (
                f'no Tasmota or Shelly said anything within {seconds:g} s. '
                'Tasmota speaks every five minutes unless TelePeriod is set '
                'lower: listen longer with --listen. Other devices need '
                'watts_topic and watts_path',
            ),
        )


def _report(
    what: str, preset: Preset
) -> collections.abc.Iterator[finding.Finding]:
    results = {
        name: result
        for name, result in sorted(preset.heard.items())
        if result is not None
    }
    if results:
        names = list(results)
        yield finding.Finding(
            f'{what}, {preset.name}',
            (),
            sections.Section(
                preset.section.name,
                'mqtt',
                tuple(map(preset.probe, names)),
                {**preset.section.options, 'outlets': names},
                preset.section.secrets,
            ),
            tuple(results.values()),
            ACCURACY,
        )
    old = [name for name, result in preset.heard.items() if result is None]
    if old:
        yield finding.Finding(
            f'{what}, {preset.name} {", ".join(old)}',
            (
                'only an old, retained message: it has said nothing since. Is '
                'it on? Or listen longer with --listen',
            ),
        )


class _Listener:
    """Hands the presets what comes.

    The driver itself wants to know the devices' names beforehand.
    """

    def __init__(
        self,
        options: collections.abc.Mapping[str, typing.Any],
        secrets: collections.abc.Mapping[str, str],
        presets: list[Preset],
    ) -> None:
        self._presets = presets
        self._refusal: str | None = None
        self._client = paho.mqtt.client.Client(
            paho.mqtt.enums.CallbackAPIVersion.VERSION2
        )
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        if options['username']:
            self._client.username_pw_set(
                options['username'], secrets['password']
            )
        if options['tls']:
            self._client.tls_set(options['ca_file'])

    def listen(self, host: str, port: int, seconds: float) -> None:
        """Listen for a while.

        :raises OSError: the broker can't be reached or does not want it.
        """
        self._client.connect(host, port)
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                status = self._client.loop(0.5)
                if self._refusal or status:
                    raise OSError(
                        self._refusal or paho.mqtt.client.error_string(status)
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
            self._refusal = str(code)
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
            preset.hear(message.topic, message.payload, message.retain)
