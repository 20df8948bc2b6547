# SPDX-License-Identifier: Apache-2.0


"""Measurements from the buses, each believed."""

import collections.abc

from oslo_config import cfg

from energy_meter import complaint
from energy_meter import counters
from energy_meter import exception
from energy_meter import measurement
from energy_meter.bus import reconnects
from energy_meter.bus import rejections
from energy_meter.bus import sources
from energy_meter.bus import transport as bus_transport
from energy_meter.bus import trust
from energy_meter.conf import bus as bus_conf

#: Takes the measurements of a batch. When it returns, their messages are
#: acknowledged; when it raises :class:`energy_meter.bus.listener.Stopping`,
#: they go back.
Handler = collections.abc.Callable[[list[measurement.Measurement]], None]


class Intake:
    """Reads all buses, and opens the envelopes.

    What is not to be believed is dropped, counted and complained of.

    :param batch_size: most messages in a batch.
    :param batch_timeout: longest time, in seconds, that a message waits for
        its batch to fill.
    :param pool: name of an own queue; None for the topic's own, which only
        the collectors may read.
    :raises MissingSecrets: when no secret is configured.
    :raises ConfigurationError: when a bus can't be reached as configured, or
        the secrets make no sense.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        handler: Handler,
        counts: counters.Counters,
        complaints: complaint.Complaints,
        batch_size: int,
        batch_timeout: float,
        pool: str | None = None,
    ) -> None:
        self._handler = handler
        self._counters = counts
        self._rejections = rejections.Rejections(counts, complaints)
        self._trust = trust.load(conf)
        self._reconnects = reconnects.Watch(counts)
        self._sources = sources.Sources(
            bus_transport.connect_sources(conf, bus_conf.GROUP),
            self._handle,
            self._rejections.add_unreadable,
            batch_size,
            batch_timeout,
            pool,
        )

    def start(self) -> None:
        """Begin to read, each bus as soon as it can be reached."""
        self._reconnects.start()
        self._sources.start()

    def reload(self, conf: cfg.ConfigOpts) -> None:
        """Take over the secrets of a configuration.

        :raises MissingSecrets: when it has none.
        :raises ConfigurationError: when they make no sense.
        """
        self._trust = trust.load(conf)

    def stop(self) -> None:
        """Stop reading; returns when the last batch has been handled."""
        self._sources.stop()
        self._reconnects.stop()

    def _handle(self, envelopes: list[object]) -> None:
        self._counters.count('messages', len(envelopes))
        words: list[measurement.Measurement] = []
        for item in envelopes:
            words += self._open(item)
        self._counters.count('measurements', len(words))
        if words:
            self._handler(words)

    def _open(self, item: object) -> list[measurement.Measurement]:
        try:
            return self._trust.open(item, self._rejections.add)
        except exception.RejectedMessage as error:
            rejected = error
        # Outside the handler, or oslo.log would add the error once more.
        self._rejections.add(rejected)
        return []
