# SPDX-License-Identifier: Apache-2.0


"""Listens to devices through an MQTT broker."""

import collections
import collections.abc
import time
import typing

from oslo_config import cfg
from oslo_log import log as logging
import paho.mqtt.client
import paho.mqtt.enums

from energy_meter import complaint
from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import _probewise
from energy_meter.drivers import _web
from energy_meter.drivers import base
from energy_meter.drivers.mqtt import outlet

LOG = logging.getLogger(__name__)

#: Seconds between signs of life of a silent connection: a broker that hangs
#: is given up after twice as long.
KEEPALIVE = 15

#: Reason codes by which a broker refuses a user.
NO_ACCESS = (0x86, 0x87)

#: Seconds after which the stream says that nothing came.
SILENCE = 1.0


class MQTT(base.StreamingDriver):
    """Subscribes to the topics of its devices."""

    scope = 'outlet'
    opts = (
        cfg.StrOpt('host', required=True, help='Host of the broker.'),
        cfg.PortOpt(
            'port', help='Its port: 1883, or 8883 with TLS, by default.'
        ),
        cfg.StrOpt('username', help='User name, if one is asked for.'),
        cfg.StrOpt('password', secret=True, help='Its password.'),
        cfg.BoolOpt('tls', default=False, help='Encrypt the connection.'),
        cfg.StrOpt(
            'ca_file',
            help='File with the certificates of the authorities to '
            'trust instead of the usual ones.',
        ),
        cfg.FloatOpt(
            'timeout',
            default=10.0,
            min=0.1,
            help='Longest wait for the broker, in seconds.',
        ),
        cfg.ListOpt(
            'outlets',
            default=[],
            help='Name of the device of each probe, in their order; '
            'NAME:N for its channel N. The default are the '
            "probes' ids.",
        ),
        *outlet.OPTS,
    )

    def open(self) -> None:
        options = self.options
        self._listeners = self._listen()
        self._complaints = complaint.Complaints(LOG)
        self._messages: collections.deque[paho.mqtt.client.MQTTMessage] = (
            collections.deque()
        )
        self._port = options.port or (8883 if options.tls else 1883)
        self._name = f'{options.host}:{self._port}'
        self._client = self._make_client()
        self._connect()

    def close(self) -> None:
        if hasattr(self, '_client'):
            self._client.disconnect()

    def stream(self) -> collections.abc.Iterator[measurement.Reading | None]:
        while True:
            self._work(SILENCE)
            while self._messages:
                yield from self._take(self._messages.popleft())
            yield None

    def _listen(self) -> dict[str, list[outlet.Outlet]]:
        """Tell for each topic which outlets want to hear it."""
        names = self.options.outlets or [probe or '' for probe in self.probes]
        listeners = collections.defaultdict(list)
        for probe, name in _probewise.assign(
            'outlets', names, self.probes
        ).items():
            listener = outlet.Outlet(probe, name, self.options)
            for topic in listener.topics:
                if set(topic) & {'+', '#'}:
                    raise exception.DriverError(
                        reason=f'{topic}: expected a topic without wildcards'
                    )
                listeners[topic].append(listener)
        return listeners

    def _make_client(self) -> paho.mqtt.client.Client:
        options = self.options
        client = paho.mqtt.client.Client(
            paho.mqtt.enums.CallbackAPIVersion.VERSION2
        )
        client.connect_timeout = options.timeout
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        if options.username:
            client.username_pw_set(options.username, options.password)
        if options.tls:
            _web.check_ca_file(options.ca_file)
            client.tls_set(options.ca_file)
        return client

    def _connect(self) -> None:
        timeout = self.options.timeout
        deadline = time.monotonic() + timeout
        try:
            self._client.connect(self.options.host, self._port, KEEPALIVE)
        except OSError as e:
            raise self._unreachable(_web.reason(e))
        self._subscribed = False
        while not self._subscribed:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._unreachable(f'no answer within {timeout:g} s')
            self._work(left)

    def _work(self, patience: float) -> None:
        """Let the client read what came, or wait for it."""
        status = self._client.loop(patience)
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
        if code.value in NO_ACCESS:
            raise exception.AuthenticationFailed(
                device=self._name, user=self.options.username or '(none)'
            )
        if code.is_failure:
            raise self._unreachable(str(code))
        client.subscribe([(topic, 0) for topic in sorted(self._listeners)])

    def _on_subscribe(
        self,
        _client: paho.mqtt.client.Client,
        _data: object,
        _mid: int,
        codes: list[typing.Any],
        _properties: object,
    ) -> None:
        refused = [
            topic
            for topic, code in zip(sorted(self._listeners), codes, strict=True)
            if code.is_failure
        ]
        if refused:
            raise exception.ProtocolError(
                device=self._name,
                reason=f'refused the subscription to {", ".join(refused)}',
            )
        self._subscribed = True

    def _on_message(
        self,
        _client: paho.mqtt.client.Client,
        _data: object,
        message: paho.mqtt.client.MQTTMessage,
    ) -> None:
        self._messages.append(message)

    def _take(
        self,
        message: paho.mqtt.client.MQTTMessage,
    ) -> collections.abc.Iterator[measurement.Reading]:
        for listener in self._listeners.get(message.topic, ()):
            probe = listener.probe
            try:
                reading = listener.hear(
                    message.topic, message.payload, message.retain
                )
            except exception.DriverError as e:
                self._complaints.complain(probe, 'probe %s: %s', probe, e)
                continue
            if reading is not None:
                self._complaints.settle(
                    probe, 'probe %s is heard again', probe
                )
                yield reading

    def _unreachable(self, reason: str) -> exception.DeviceUnreachable:
        return exception.DeviceUnreachable(device=self._name, reason=reason)
