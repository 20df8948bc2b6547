# SPDX-License-Identifier: Apache-2.0

"""Consumer of verified measurements from all buses."""

import collections.abc

from oslo_config import cfg

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.bus import authorization
from energy_meter.bus import messaging_log
from energy_meter.bus import rejections
from energy_meter.bus import sources
from energy_meter.bus import transport as bus_transport
from energy_meter.conf import bus as bus_conf
from energy_meter.telemetry import counters

#: Number of measurements that the handler receives at once, apart from those
#: of the last envelope. 50 messages of 2,000 measurements are not divided.
_MAX_MEASUREMENTS = 100_000

#: Handles the measurements of a batch. When it returns, their messages are
#: acknowledged. If it raises :class:`energy_meter.bus.listener.Stopping`,
#: they are requeued.
Handler = collections.abc.Callable[[list[measurement.Measurement]], None]


class MeasurementConsumer:
    """Reads all buses and verifies the envelopes.

    Envelopes that fail verification are dropped, counted and logged. The
    handler receives all measurements, those of CPU time and marks included.

    :param batch_size: maximum number of messages in a batch.
    :param batch_timeout: maximum time in seconds to wait for a batch to fill.
    :param pool: name of a separate queue; None for the queue of the topic,
        which only the collectors may read.
    :raises MissingSecrets: if no secret is configured.
    :raises ConfigurationError: if the URL of a bus or a secret is invalid.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        handler: Handler,
        counts: counters.Counters,
        throttled_log: log_throttle.ThrottledLogger,
        batch_size: int,
        batch_timeout: float,
        pool: str | None = None,
    ) -> None:
        self._handler = handler
        self._counters = counts
        self._rejections = rejections.Rejections(counts, throttled_log)
        self._verifier = authorization.load(conf)
        self._reader_log = messaging_log.ReaderLog(counts)
        self._sources = sources.Sources(
            bus_transport.connect_sources(conf, bus_conf.GROUP),
            self._handle,
            self._rejections.add,
            batch_size,
            batch_timeout,
            pool,
        )

    def start(self) -> None:
        """Start to read, each bus as soon as it can be reached."""
        self._reader_log.start()
        self._sources.start()

    def reload(self, conf: cfg.ConfigOpts) -> None:
        """Replace the secrets by those of a configuration.

        :raises MissingSecrets: if it has none.
        :raises ConfigurationError: if a secret or a section is invalid.
        """
        self._verifier = authorization.load(conf)

    def stop(self) -> None:
        """Stop reading and wait until the last batch has been handled."""
        self._sources.stop()
        self._reader_log.stop()

    def _handle(self, envelopes: collections.abc.Iterable[object]) -> None:
        measurements: list[measurement.Measurement] = []
        for received in envelopes:
            self._counters.count('messages_received')
            measurements += self._verify(received)
            if len(measurements) >= _MAX_MEASUREMENTS:
                self._pass_on(measurements)
                measurements = []
        self._pass_on(measurements)

    def _pass_on(self, measurements: list[measurement.Measurement]) -> None:
        self._counters.count('measurements_received', len(measurements))
        if measurements:
            self._handler(measurements)

    def _verify(self, received: object) -> list[measurement.Measurement]:
        registers, error = attempt.call(
            lambda: self._verifier.verify(received, self._rejections.add),
            exception.RejectedMessage,
        )
        if error is not None:
            self._rejections.add(error)
        return [
            received_measurement
            for register in registers or []
            for received_measurement in (
                *register.measurements,
                *register.usages,
            )
        ]
