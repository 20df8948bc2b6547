# SPDX-License-Identifier: Apache-2.0

"""Driver of devices that publish through an MQTT broker."""

import collections
import collections.abc
import contextlib
import time
import typing

from oslo_config import cfg
from oslo_log import log as logging
import paho.mqtt.client
import paho.mqtt.enums

from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import http
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.mqtt import channel as mqtt_channel
from energy_meter.drivers.mqtt import network

LOG = logging.getLogger(__name__)

#: Keepalive of the connection, in seconds. A broker that hangs is detected
#: after twice as long.
KEEPALIVE_S = 15

#: Reason codes of a rejected user: bad user name or password, not authorized.
NOT_AUTHORIZED = (0x86, 0x87)

#: Maximum time in seconds that one read waits for messages.
READ_TIMEOUT_S = 1.0


class MQTT(base.Driver):
    """Subscribes to the topics of its devices."""

    scope = 'outlet'
    self_paced = True
    opts = (
        cfg.StrOpt('host', required=True, help='Host of the broker.'),
        cfg.PortOpt(
            'port',
            help='Port of the broker. The default is 1883, or 8883 with TLS.',
        ),
        cfg.StrOpt(
            'username',
            help='User name, if the broker requires authentication.',
        ),
        cfg.StrOpt('password', secret=True, help='Password of the user.'),
        cfg.BoolOpt('tls', default=False, help='Encrypt the connection.'),
        cfg.StrOpt(
            'ca_file',
            help='File with the CA certificates to trust instead of the '
            'default ones.',
        ),
        cfg.FloatOpt(
            'timeout',
            default=10.0,
            min=0.1,
            help='Maximum time in seconds to wait for the broker.',
        ),
        cfg.ListOpt(
            'channels',
            default=[],
            help='Name of the device of each probe, in the order of the '
            'probes; NAME:N for its channel N. The default is the IDs '
            'of the probes.',
        ),
        *mqtt_channel.OPTS,
    )

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._port = options.port or (8883 if options.tls else 1883)
        self._name = f'{options.host}:{self._port}'
        self._channels: dict[str, list[mqtt_channel.Channel]] = {}
        self._readings: collections.deque[measurement.Reading] = (
            collections.deque(maxlen=bounds.MAX_EARLY_READINGS)
        )
        self._subscribed = False
        self._throttled_log = log_throttle.ThrottledLogger(LOG)
        self._resources = contextlib.ExitStack()

    def open(self) -> None:
        self._channels = self._channels_by_topic()
        self._client = self._make_client()
        self._resources.callback(self._client.disconnect)
        self._connect()

    def close(self) -> None:
        self._resources.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        self._process_network(READ_TIMEOUT_S)
        readings = list(self._readings)
        self._readings.clear()
        return readings

    def _channels_by_topic(self) -> dict[str, list[mqtt_channel.Channel]]:
        names = self.options.channels or [probe or '' for probe in self.probes]
        assigned = per_probe.assign('channels', names, self.probes)
        devices = {
            probe: (device, channel or '0')
            for probe, name in assigned.items()
            for device, channel in [mqtt_channel.split(name)]
        }
        per_probe.check_distinct('channels', devices)
        channels = collections.defaultdict(list)
        for probe, name in assigned.items():
            channel = mqtt_channel.Channel(probe, name, self.options)
            for topic in channel.topics:
                if set(topic) & {'+', '#'}:
                    raise exception.DriverError(
                        reason=f'{topic}: expected a topic without wildcards'
                    )
                channels[topic].append(channel)
        return channels

    def _make_client(self) -> paho.mqtt.client.Client:
        options = self.options
        client = network.Client()
        client.connect_timeout = options.timeout
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        if options.username:
            client.username_pw_set(options.username, options.password)
        if options.tls:
            http.check_ca_file(options.ca_file)
            client.tls_set(options.ca_file)
        return client

    def _connect(self) -> None:
        timeout = self.options.timeout
        deadline = time.monotonic() + timeout
        try:
            self._client.connect(self.options.host, self._port, KEEPALIVE_S)
        except OSError as e:
            raise self._unreachable(http.reason(e))
        self._subscribed = False
        while not self._subscribed:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise self._unreachable(f'no answer within {timeout:g} s')
            self._process_network(remaining)

    def _process_network(self, timeout: float) -> None:
        """Process network events; wait for one if there is none yet."""
        status = network.process(self._client, timeout)
        if status != paho.mqtt.enums.MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._unreachable(paho.mqtt.client.error_string(status))

    def _on_connect(
        self,
        client: paho.mqtt.client.Client,
        _data: object,
        _flags: object,
        code: typing.Any,
        _properties: object,
    ) -> None:
        if code.value in NOT_AUTHORIZED:
            raise exception.AuthenticationFailed(
                device=self._name, user=self.options.username or '(none)'
            )
        if code.is_failure:
            raise self._unreachable(str(code))
        client.subscribe([(topic, 0) for topic in sorted(self._channels)])

    def _on_subscribe(
        self,
        _client: paho.mqtt.client.Client,
        _data: object,
        _mid: int,
        codes: list[typing.Any],
        _properties: object,
    ) -> None:
        rejected = [
            topic
            for topic, code in zip(sorted(self._channels), codes, strict=True)
            if code.is_failure
        ]
        if rejected:
            raise exception.ProtocolError(
                device=self._name,
                reason=f'rejected the subscription to {", ".join(rejected)}',
            )
        self._subscribed = True

    def _on_message(
        self,
        _client: paho.mqtt.client.Client,
        _data: object,
        message: paho.mqtt.client.MQTTMessage,
    ) -> None:
        self._readings.extend(self._to_readings(message))

    def _to_readings(
        self,
        message: paho.mqtt.client.MQTTMessage,
    ) -> collections.abc.Iterator[measurement.Reading]:
        for channel in self._channels.get(message.topic, ()):
            probe = channel.probe
            try:
                reading = channel.on_message(
                    message.topic, message.payload, message.retain
                )
            except exception.DriverError as e:
                self._throttled_log.warning(probe, 'probe %s: %s', probe, e)
                continue
            if reading is not None:
                self._throttled_log.recovered(
                    probe, 'probe %s can be read again', probe
                )
                self._log_silence(channel)
                yield reading

    def _log_silence(self, channel: mqtt_channel.Channel) -> None:
        key = f'energy of {channel.probe}'
        if channel.silent_topic is None:
            self._throttled_log.recovered(
                key, 'probe %s: the energy counter is back', channel.probe
            )
            return
        self._throttled_log.warning(
            key,
            'probe %s: no energy on %s for more than %g s; reading only '
            'the power',
            channel.probe,
            channel.silent_topic,
            self.options.max_energy_age,
        )

    def _unreachable(self, reason: str) -> exception.DeviceUnreachable:
        return exception.DeviceUnreachable(device=self._name, reason=reason)
