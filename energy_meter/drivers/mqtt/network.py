# SPDX-License-Identifier: Apache-2.0

"""Network events of an MQTT client, with any number of open files.

The ``loop()`` of paho-mqtt waits with ``select.select``, which rejects
descriptors above 1,023.
"""

import ssl
import typing

import paho.mqtt.client
import paho.mqtt.enums

from energy_meter.drivers.common import poll

Status = paho.mqtt.enums.MQTTErrorCode


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
