# SPDX-License-Identifier: Apache-2.0

"""Publishers of envelopes and of measurements."""

import collections
import collections.abc
import datetime
import itertools
import logging
import uuid

import oslo_messaging
from oslo_messaging import transport as messaging_transport

from energy_meter import garbage
from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import message
from energy_meter.bus import messaging_log
from energy_meter.bus import transport as bus_transport

LOG = logging.getLogger(__name__)

EVENT_TYPE = 'energy_meter.measurements'

#: Maximum number of messages in memory that were sent, or could not be.
_MAX_KEPT = 40

_NO_CONTEXT: collections.abc.Mapping[str, object] = {}


class EnvelopePublisher:
    """Publishes signed envelopes.

    :param transport: the bus.
    :param publisher_id: name of the sender, for people who inspect the
        broker.
    """

    def __init__(
        self,
        transport: messaging_transport.NotificationTransport,
        publisher_id: str,
    ) -> None:
        messaging_log.tame()
        self._transport = transport
        self._publisher_id = publisher_id
        self._kept = 0
        self._target = oslo_messaging.Target(
            exchange=bus_transport.EXCHANGE,
            topic=f'{bus_transport.TOPIC}.{bus_transport.PRIORITY}',
        )

    def send(
        self,
        envelopes: collections.abc.Sequence[envelope.Envelope],
        context: collections.abc.Mapping[str, object] = _NO_CONTEXT,
    ) -> None:
        """Send signed envelopes in one message.

        :param envelopes: that :func:`energy_meter.bus.message.split` returned.
        :param context: of the notification; it is not signed.
        :raises Exception: of oslo.messaging or of a library below it, if the
            broker did not confirm the message.
        """
        timestamp = datetime.datetime.now(datetime.UTC)
        notification = {
            'message_id': str(uuid.uuid4()),
            'publisher_id': self._publisher_id,
            'event_type': EVENT_TYPE,
            'priority': bus_transport.PRIORITY.upper(),
            'payload': {'envelopes': envelopes},
            'timestamp': timestamp.replace(tzinfo=None).isoformat(' '),
        }
        # Those that cannot be sent are kept, too.
        self._kept += 1
        if self._kept == _MAX_KEPT:
            self._kept = 0
            garbage.release_messages()
        # oslo.messaging's Notifier does the same, but hides every error: its
        # caller cannot distinguish a confirmed message from a lost one.
        self._transport._send_notification(
            self._target, dict(context), notification, version=1.0, retry=0
        )


class MeasurementPublisher(EnvelopePublisher):
    """Signs and publishes measurements.

    :param keyring: signs the envelopes.

    The other parameters are those of :class:`EnvelopePublisher`.
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
        """Send measurements, with an envelope per wattmeter.

        They form one message, unless its readers would reject it.

        :raises Exception: as for :meth:`send`.
        """
        groups: collections.defaultdict[
            tuple[str, str], list[measurement.Measurement]
        ] = collections.defaultdict(list)
        # Those of one wattmeter usually follow each other.
        for sender, part in itertools.groupby(measurements, _sender):
            groups[sender].extend(part)
        signed = (
            envelope.sign(self._keyring, part)
            for group in groups.values()
            for part in envelope.divide(group)
        )
        for envelopes in message.split(signed):
            self.send(envelopes)


def _sender(outgoing: measurement.Measurement) -> tuple[str, str]:
    """Return the agent and the wattmeter of a measurement."""
    series = outgoing.series
    return series.register.agent, series.probe.wattmeter
