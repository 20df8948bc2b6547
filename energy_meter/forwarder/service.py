# SPDX-License-Identifier: Apache-2.0

"""The forwarder: from buses to another bus."""

import collections.abc
import logging
import socket
import threading
import typing
import zlib

from oslo_config import cfg
from oslo_service import service

from energy_meter import complaint
from energy_meter import counters
from energy_meter import exception
from energy_meter.bus import envelope
from energy_meter.bus import listener
from energy_meter.bus import publisher
from energy_meter.bus import reconnects
from energy_meter.bus import rejections
from energy_meter.bus import sources
from energy_meter.bus import transport as bus_transport
from energy_meter.bus import trust as bus_trust
from energy_meter.conf import forwarder as forwarder_conf
from energy_meter.forwarder import parcel
from energy_meter.forwarder import route
from energy_meter.forwarder import selection

LOG = logging.getLogger(__name__)

#: Seconds between two tries while the destination is away.
_RETRY = 1.0
#: Seconds between two lines in the log about what was done.
_REPORT_INTERVAL = 60.0
#: The patterns that leave nothing out.
_ALL = ['*']


class Forwarder(service.ServiceBase):
    """Carries envelopes, as they are, from some buses to another.

    It keeps nothing: what the destination has not taken stays with the
    sources, whether the forwarder waits, ends or is killed.

    :param reload: gives the configuration as it is in the files now.
    :raises ConfigurationError: when buses or secrets make no sense.
    :raises MissingSecrets: when something is to be filtered or signed, but
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
        self._selection = _select(conf)
        self._courier = publisher.Courier(self._destination, self._name)
        self.counters = counters.Counters()
        self._reconnects = reconnects.Watch(self.counters)
        self._complaints = complaint.Complaints(LOG)
        self._rejections = rejections.Rejections(
            self.counters, self._complaints
        )
        self._sources = sources.Sources(
            self._connect_sources(conf),
            self.handle,
            self._rejections.add_unreadable,
            options.batch_size,
            options.flush_interval,
            options.pool,
            listener.whole,
        )
        self._stopping = threading.Event()
        self._reporter = threading.Thread(
            target=self._report, name='reporter', daemon=True
        )

    def _connect_sources(self, conf: cfg.ConfigOpts) -> list[typing.Any]:
        destination = bus_transport.name(self._destination)
        if not conf.forwarder.sources:
            raise _invalid('sources', 'expected the URL of at least one bus')
        found = bus_transport.connect_sources(conf, forwarder_conf.GROUP)
        if destination in map(bus_transport.name, found):
            raise _invalid('sources', f'{destination} is also the destination')
        return found

    def start(self) -> None:
        LOG.info(
            'Forwarder %s sends to %s',
            self._name,
            bus_transport.name(self._destination),
        )
        self._reporter.start()
        self._reconnects.start()
        self._sources.start()

    def stop(self) -> None:
        self._stopping.set()
        self._sources.stop()
        self._reconnects.stop()
        self._destination.cleanup()

    def wait(self) -> None:
        self._stopping.wait()

    def reset(self) -> None:
        """Read secrets and patterns anew.

        :raises MissingSecrets: as at the start.
        :raises ConfigurationError: when they make no sense.
        """
        self._selection = _select(self._reload())

    def handle(self, messages: list[listener.Message]) -> None:
        """Send a batch of messages on.

        :raises Stopping: when the service stops before it could.
        """
        self.counters.count('messages', len(messages))
        for item in parcel.pack(
            (way, sealed)
            for message in messages
            if (way := self._way(message))
            for sealed in self._select(message.envelopes)
        ):
            self._send(item)

    def _way(self, message: listener.Message) -> route.Route | None:
        """Give the way of a message; None if it ends here."""
        rejected = None
        try:
            way = route.read(message.context)
        except exception.RejectedMessage as error:
            rejected = error
        if rejected:
            self._rejections.add(rejected)
            return None
        if self._name in way.names:
            self.counters.count('stopped', reason='loop')
            return None
        if len(way.names) >= self._max_hops:
            self.counters.count('stopped', reason='hops')
            self._complaints.complain(
                'hops',
                'Dropped a message that came over %s: more than '
                '[forwarder] max_hops',
                ', '.join(way.names[: self._max_hops]),
            )
            return None
        return way

    def _select(
        self, envelopes: list[object]
    ) -> typing.Iterator[dict[str, typing.Any]]:
        for item in envelopes:
            rejected = selected = None
            try:
                selected = self._selection.select(item, self._rejections.add)
            except exception.RejectedMessage as error:
                rejected = error
            if rejected:
                self._rejections.add(rejected)
            elif selected is None:
                self.counters.count('unselected')
            else:
                yield selected

    def _send(self, item: parcel.Parcel) -> None:
        context = item.way.extend(self._name).context()
        while not self._stopping.is_set():
            failure = ''
            try:
                with self.counters.flushing():
                    self._courier.send(item.envelopes, context)
            except Exception as error:
                # Of oslo.messaging, or of a library below it.
                failure = bus_transport.explain(error)
            # Outside the handler, or oslo.log would add the error once more.
            if not failure:
                self.counters.count('forwarded', len(item.envelopes))
                self._complaints.settle(
                    'destination', 'The destination takes messages again'
                )
                return
            self.counters.count('publish_failures')
            self._complaints.complain(
                'destination',
                'The destination does not take messages (%s); '
                'the sources keep them',
                failure,
            )
            self._stopping.wait(_RETRY)
        raise listener.Stopping()

    def _report(self) -> None:
        """Log what was done, once a minute."""
        before: dict[str, float] = {}
        while not self._stopping.wait(_REPORT_INTERVAL):
            now = self.counters.totals()
            LOG.info(
                'In the last %d s: %s',
                _REPORT_INTERVAL,
                ', '.join(
                    f'{name} {value - before.get(name, 0):.0f}'
                    for name, value in now.items()
                    if value > before.get(name, 0)
                )
                or 'nothing came',
            )
            before = now


def _name(configured: str | None, destination: typing.Any) -> str:
    """Give the name of this forwarder."""
    # Two forwarders of a chain may run on one host.
    bus = bus_transport.name(destination).encode()
    name = configured or f'{socket.gethostname()}-{zlib.crc32(bus):08x}'
    if not envelope.is_id(name):
        raise _invalid('name', 'expected 1 to 190 printable characters')
    return name


def _select(conf: cfg.ConfigOpts) -> selection.Selection:
    options = conf.forwarder
    trust = None
    try:
        trust = bus_trust.load(conf)
    except exception.MissingSecrets:
        if (
            options.resign
            or options.wattmeters != _ALL
            or (options.probes != _ALL)
        ):
            raise
    # Outside the handler, or oslo.log would add the exception once more.
    if trust is None:
        LOG.warning('[bus] secrets is empty: what passes is not verified')
    signer = bus_transport.keyring(conf) if options.resign else None
    return selection.Selection(
        trust, signer, options.wattmeters, options.probes
    )


def _invalid(option: str, reason: str) -> exception.ConfigurationError:
    return exception.ConfigurationError(
        file='configuration',
        section=forwarder_conf.GROUP,
        option=option,
        reason=reason,
    )
