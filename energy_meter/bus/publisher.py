# SPDX-License-Identifier: Apache-2.0

"""Messages onto the bus."""

import collections.abc
import datetime
import logging
import uuid

import oslo_messaging
from oslo_messaging import transport as messaging_transport

from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import transport as bus_transport

LOG = logging.getLogger(__name__)

EVENT_TYPE = 'energy_meter.measurements'

#: oslo.messaging's log of what it raises, too: two lines a try. Who sends
#: complains of it, and tries again and again.
_DRIVER_LOGGER = 'oslo.messaging._drivers.impl_rabbit'
_RAISED = (
    'Failed to publish message to topic',
    'Unable to connect to AMQP server on',
)


def _is_news(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_RAISED)


_NO_CONTEXT: collections.abc.Mapping[str, object] = {}


class Courier:
    """Sends sealed envelopes.

    :param transport: the bus.
    :param publisher_id: who sends, for people who look at the broker.
    """

    def __init__(
        self,
        transport: messaging_transport.NotificationTransport,
        publisher_id: str,
    ) -> None:
        logging.getLogger(_DRIVER_LOGGER).addFilter(_is_news)
        self._transport = transport
        self._publisher_id = publisher_id
        self._target = oslo_messaging.Target(
            exchange=bus_transport.EXCHANGE,
            topic=f'{bus_transport.TOPIC}.{bus_transport.PRIORITY}',
        )

    def send(
        self,
        envelopes: list[dict[str, object]],
        context: collections.abc.Mapping[str, object] = _NO_CONTEXT,
    ) -> None:
        """Send sealed envelopes in one message.

        :param context: of the notification; it is not signed.
        :raises Exception: of oslo.messaging or of a library below it, when
            the broker did not confirm that it has the message.
        """
        now = datetime.datetime.now(datetime.UTC)
        message = {
            'message_id': str(uuid.uuid4()),
            'publisher_id': self._publisher_id,
            'event_type': EVENT_TYPE,
            'priority': bus_transport.PRIORITY.upper(),
            'payload': {'envelopes': envelopes},
            'timestamp': now.replace(tzinfo=None).isoformat(' '),
        }
        # What oslo.messaging's Notifier does, but the Notifier swallows
        # every error: whoever sends through it can't tell a message that
        # was taken from one that was lost.
        self._transport._send_notification(
            self._target, dict(context), message, version=2.0, retry=0
        )


class Publisher(Courier):
    """Signs measurements and sends them.

    :param keyring: signs.

    The other parameters are those of :class:`Courier`.
    """

    def __init__(
        self,
        transport: messaging_transport.NotificationTransport,
        keyring: signing.Keyring,
        publisher_id: str,
    ) -> None:
        super().__init__(transport, publisher_id)
        self.use(keyring)

    def use(self, keyring: signing.Keyring) -> None:
        """Sign with this keyring from now on."""
        self._keyring = keyring
        LOG.info(
            'Signing with the secret that has the key id %s',
            keyring.signing_key_id,
        )

    def publish(
        self, measurements: collections.abc.Iterable[measurement.Measurement]
    ) -> None:
        """Send measurements in one message, an envelope a wattmeter.

        :raises Exception: as for :meth:`send`.
        """
        groups: dict[tuple[str, str], list[measurement.Measurement]] = {}
        for item in measurements:
            groups.setdefault(
                (item.register.agent, item.probe.wattmeter), []
            ).append(item)
        self.send(
            [envelope.seal(self._keyring, group) for group in groups.values()]
        )
