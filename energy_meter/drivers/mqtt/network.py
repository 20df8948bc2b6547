# SPDX-License-Identifier: Apache-2.0

"""MQTT client with bounds, and with any number of open files.

The ``loop()`` of paho-mqtt waits with ``select.select``, which rejects
descriptors above 1,023. It also accepts packets of 256 MiB, and keeps messages
of QoS 2 until the broker releases them.
"""

import ssl
import typing

import paho.mqtt.client
import paho.mqtt.enums

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import poll

Status = paho.mqtt.enums.MQTTErrorCode


class Client(paho.mqtt.client.Client):
    """Client that rejects packets which it should not get.

    Both methods are private in paho-mqtt, which has no other place for the
    checks. The functional tests notice if it no longer calls them.
    """

    def __init__(self) -> None:
        super().__init__(paho.mqtt.enums.CallbackAPIVersion.VERSION2)

    def _sock_recv(self, bufsize: int) -> bytes:
        # paho-mqtt asks for all of a packet that is missing.
        if bufsize > bounds.MAX_PACKET_BYTES:
            raise self._error(
                f'sent a packet of more than {bounds.MAX_PACKET_BYTES} bytes'
            )
        return super()._sock_recv(bufsize)

    def _handle_publish(self) -> Status:
        if self._in_packet['command'] & 0x06:
            raise self._error(
                'sent a message with a QoS that was not subscribed'
            )
        return super()._handle_publish()

    def _error(self, reason: str) -> exception.ProtocolError:
        return exception.ProtocolError(
            device=f'{self.host}:{self.port}', reason=reason
        )


def process(client: paho.mqtt.client.Client, timeout: float) -> Status:
    """Process network events; wait for one if there is none yet.

    :param timeout: maximum time in seconds to wait.
    :returns: the first error, or success.
    """
    connection = client.socket()
    if connection is None:
        return Status.MQTT_ERR_CONN_LOST
    events = _wait(client, connection, timeout)
    steps = [client.loop_misc]
    if events & poll.WRITABLE:
        steps.insert(0, client.loop_write)
    if events & ~poll.WRITABLE:
        steps.insert(0, client.loop_read)
    for step in steps:
        status = step()
        if status != Status.MQTT_ERR_SUCCESS:
            return status
    return Status.MQTT_ERR_SUCCESS


def _wait(
    client: paho.mqtt.client.Client,
    connection: typing.Any,
    timeout: float,
) -> int:
    """Return the events of the connection; wait if there are none."""
    events = poll.READABLE
    if client.want_write():
        events |= poll.WRITABLE
    # TLS may have decrypted more than the packet that was read last.
    if isinstance(connection, ssl.SSLSocket) and connection.pending():
        ready = poll.wait(connection.fileno(), events, 0.0)
        return ready | poll.READABLE
    return poll.wait(connection.fileno(), events, timeout)
