# SPDX-License-Identifier: Apache-2.0

"""The forwarder service."""

import collections.abc
import functools
import logging
import socket
import threading
import zlib

from oslo_config import cfg
from oslo_messaging import transport as messaging_transport
from oslo_service import service

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter.bus import authorization
from energy_meter.bus import envelope as bus_envelope
from energy_meter.bus import fields
from energy_meter.bus import listener
from energy_meter.bus import message as bus_message
from energy_meter.bus import messaging_log
from energy_meter.bus import publisher
from energy_meter.bus import rejections
from energy_meter.bus import sources
from energy_meter.bus import transport as bus_transport
from energy_meter.conf import forwarder as forwarder_conf
from energy_meter.forwarder import batching
from energy_meter.forwarder import filter as forwarder_filter
from energy_meter.forwarder import metrics
from energy_meter.forwarder import route as forwarder_route
from energy_meter.telemetry import counters
from energy_meter.telemetry import outages

LOG = logging.getLogger(__name__)

#: Seconds between two attempts to publish to the destination.
_RETRY_INTERVAL_S = 1.0
#: Seconds between two log lines with the counters.
_REPORT_INTERVAL_S = 60.0
_TASK = outages.Task(
    'destination',
    'publish to the destination',
    'messages stay in the queues of the sources',
    'envelopes held',
)
#: Patterns that match everything.
_ALL = ['*']


class Forwarder(service.ServiceBase):
    """Forwards envelopes from several buses to another.

    The forwarder stores nothing. Messages that the destination has not
    confirmed stay in the queues of the sources, even if the forwarder waits,
    stops or is killed.

    :param reload: returns the current configuration of the files.
    :raises ConfigurationError: if a URL, a secret or a section is invalid.
    :raises MissingSecrets: if envelopes are to be filtered or re-signed, but
        no secret is configured.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        reload: collections.abc.Callable[[], cfg.ConfigOpts],
    ) -> None:
        options = conf.forwarder
        self._reload = reload
        self._destination = bus_transport.connect(conf)
        self._name = _name(options.name, self._destination)
        self._max_hops = options.max_hops
        self._filter = _make_filter(conf)
        self._publisher = publisher.EnvelopePublisher(
            self._destination, self._name
        )
        self.counters = counters.Counters(metrics.COUNTERS)
        self._reader_log = messaging_log.ReaderLog(self.counters)
        self._outage = outages.Outage(_TASK, LOG, self.counters)
        self._throttled_log = log_throttle.ThrottledLogger(LOG)
        self._rejections = rejections.Rejections(
            self.counters, self._throttled_log
        )
        self._sources = sources.Sources(
            self._connect_sources(conf),
            self.handle,
            self._rejections.add,
            options.batch_size,
            options.flush_interval,
            options.pool,
            listener.message,
            lambda received: self._filter.sender(received),
        )
        self._stopping = threading.Event()
        self._reporter = threading.Thread(
            target=self._report, name='reporter', daemon=True
        )

    def _connect_sources(
        self, conf: cfg.ConfigOpts
    ) -> list[messaging_transport.NotificationTransport]:
        destination = bus_transport.name(self._destination)
        if not conf.forwarder.sources:
            raise _invalid('sources', 'expected the URL of at least one bus')
        transports = bus_transport.connect_sources(conf, forwarder_conf.GROUP)
        if destination in map(bus_transport.name, transports):
            raise _invalid('sources', f'{destination} is also the destination')
        return transports

    def start(self) -> None:
        """Start to read the sources."""
        LOG.info(
            'Forwarder %s publishes to %s',
            self._name,
            bus_transport.name(self._destination),
        )
        self._reporter.start()
        self._reader_log.start()
        self._sources.start()

    def stop(self) -> None:
        """Stop reading and wait until the last batch is sent or requeued."""
        self._stopping.set()
        self._sources.stop()
        self._reader_log.stop()
        self._destination.cleanup()

    def wait(self) -> None:
        """Wait until :meth:`stop` is called."""
        self._stopping.wait()

    def reset(self) -> None:
        """Reload secrets and patterns.

        :raises MissingSecrets: as in the constructor.
        :raises ConfigurationError: if a secret or a section is invalid.
        """
        self._filter = _make_filter(self._reload())

    def handle(
        self, messages: collections.abc.Iterable[bus_message.Message]
    ) -> None:
        """Forward a batch of messages.

        :raises Stopping: if the service stops before the destination has
            confirmed all of them.
        """
        for batch in batching.group_by_route(
            (route, envelope)
            for message in messages
            if (route := self._route(message))
            for envelope in self._select(message.envelopes)
        ):
            self._send(batch)

    def _read_route(
        self, message: bus_message.Message
    ) -> forwarder_route.Route | None:
        route, error = attempt.call(
            lambda: forwarder_route.read(message.context),
            exception.RejectedMessage,
        )
        if error is not None:
            self._rejections.add(error)
        return route

    def _route(
        self, message: bus_message.Message
    ) -> forwarder_route.Route | None:
        """Return the route of a message; None if it is dropped."""
        self.counters.count('messages_received')
        route = self._read_route(message)
        if route is None:
            return None
        if self._name in route.names:
            self.counters.count('messages_dropped', reason='loop')
            return None
        if len(route.names) >= self._max_hops:
            self.counters.count('messages_dropped', reason='hops')
            self._throttled_log.warning(
                'hops',
                'Dropped a message that exceeds [forwarder] max_hops; its '
                'route begins with %s',
                ', '.join(route.names[: self._max_hops]),
            )
            return None
        return route

    def _select(
        self, envelopes: list[object]
    ) -> collections.abc.Iterator[bus_envelope.Envelope]:
        for received in envelopes:
            selected, error = attempt.call(
                functools.partial(
                    self._filter.apply, received, self._rejections.add
                ),
                exception.RejectedMessage,
            )
            if error is not None:
                self._rejections.add(error)
            elif selected is None:
                self.counters.count('envelopes_filtered')
            else:
                yield selected

    def _send(self, batch: batching.Batch) -> None:
        """Publish a batch; retry until the destination confirms it."""
        while not self._stopping.is_set():
            _, error = attempt.call(
                lambda: self._publish(batch),
                # Of oslo.messaging, or of a library below it.
                Exception,
            )
            if error is None:
                self.counters.count(
                    'envelopes_forwarded', len(batch.envelopes)
                )
                self._outage.succeed()
                return
            self.counters.count('publish_failures')
            self._outage.fail(
                bus_transport.explain(error), len(batch.envelopes)
            )
            self._stopping.wait(_RETRY_INTERVAL_S)
        raise listener.Stopping()

    def _publish(self, batch: batching.Batch) -> None:
        with self.counters.batch_duration():
            self._publisher.send(
                batch.envelopes, batch.route.extend(self._name).context()
            )

    def _report(self) -> None:
        """Log once a minute how much the counters have increased."""
        previous: dict[str, float] = {}
        while not self._stopping.wait(_REPORT_INTERVAL_S):
            totals = self.counters.totals()
            LOG.info(
                'In the last %d s: %s',
                _REPORT_INTERVAL_S,
                ', '.join(
                    f'{name} {total - previous.get(name, 0):.0f}'
                    for name, total in totals.items()
                    if total > previous.get(name, 0)
                )
                or 'no messages',
            )
            previous = totals


def _name(
    configured: str | None,
    destination: messaging_transport.NotificationTransport,
) -> str:
    """Return the name of this forwarder."""
    # Two forwarders of a chain may run on one host, so the default depends
    # on the destination as well.
    bus = bus_transport.name(destination).encode()
    name = configured or f'{socket.gethostname()}-{zlib.crc32(bus):08x}'
    if not fields.is_id(name):
        raise _invalid('name', 'expected 1 to 190 printable characters')
    return name


def _make_filter(conf: cfg.ConfigOpts) -> forwarder_filter.EnvelopeFilter:
    options = conf.forwarder
    verifier, error = attempt.call(
        lambda: authorization.load(conf), exception.MissingSecrets
    )
    if error is not None:
        if (
            options.re_sign
            or options.wattmeters != _ALL
            or options.probes != _ALL
        ):
            raise error
        LOG.warning('[bus] secrets is empty: messages are not verified')
    signer = bus_transport.keyring(conf) if options.re_sign else None
    return forwarder_filter.EnvelopeFilter(
        verifier, signer, options.wattmeters, options.probes
    )


def _invalid(option: str, reason: str) -> exception.ConfigurationError:
    return exception.ConfigurationError(
        file='configuration',
        section=forwarder_conf.GROUP,
        option=option,
        reason=reason,
    )
