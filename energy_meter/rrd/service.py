# SPDX-License-Identifier: Apache-2.0

"""Service that writes measurements from the bus into the archive."""

import collections.abc
import logging
import threading

from oslo_config import cfg
from oslo_service import service

from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.bus import consumer
from energy_meter.bus import listener
from energy_meter.conf import rrd as rrd_conf
from energy_meter.rrd import metrics
from energy_meter.rrd.writing import writer
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)

#: Maximum time to collect messages into one batch. The writer buffers
#: measurements anyway, so this is short.
_BATCH_TIMEOUT_S = 1.0

#: Interval between checks for free space in a full write buffer.
_FULL_BUFFER_POLL_S = 0.5


class RRD(service.ServiceBase):
    """Writes verified measurements into RRD files.

    :param reload: returns the configuration, read from its files again.
    :raises MissingSecrets: if no secret is configured.
    :raises ConfigurationError: if an option is invalid.
    :raises ArchiveInUse: if another process writes to the archive.
    :raises ArchiveUnusable: if the archive's directory cannot be used.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        reload: collections.abc.Callable[[], cfg.ConfigOpts],
    ) -> None:
        self._reload = reload
        self._interval = conf.rrd.flush_interval
        self.counters = counters.Counters(metrics.COUNTERS)
        throttled_log = log_throttle.ThrottledLogger(LOG)
        self._stopping = threading.Event()
        # Set when the next flush does not wait for its interval.
        self._wake = threading.Event()
        self._consumer = consumer.MeasurementConsumer(
            conf,
            self.handle,
            self.counters,
            throttled_log,
            conf.rrd.batch_size,
            min(_BATCH_TIMEOUT_S, self._interval),
            rrd_conf.POOL,
        )
        self._writer = writer.Writer(conf, self.counters, throttled_log)
        self._flusher = threading.Thread(
            target=self._flush, name='flusher', daemon=True
        )

    def start(self) -> None:
        """Start reading the bus and writing files."""
        self._flusher.start()
        self._consumer.start()

    def stop(self) -> None:
        """Stop after writing all measurements received so far."""
        self._stopping.set()
        self._wake.set()
        self._consumer.stop()
        if self._flusher.is_alive():
            self._flusher.join()
        self._writer.close()

    def wait(self) -> None:
        """Wait until the service is asked to stop."""
        self._stopping.wait()

    def reset(self) -> None:
        """Reload the secrets from the configuration files.

        :raises MissingSecrets: if no secret is left.
        :raises ConfigurationError: if a secret is invalid.
        """
        self._consumer.reload(self._reload())

    def handle(self, measurements: list[measurement.Measurement]) -> None:
        """Buffer measurements for the next flush; wait while it is full.

        Marks are ignored: they have no power, and the energy in them is also
        in the measurements around them.

        :raises Stopping: if the service stops before there is space.
        """
        while self._writer.is_full:
            if self._stopping.wait(_FULL_BUFFER_POLL_S):
                raise listener.Stopping()
        self._writer.put(
            received
            for received in measurements
            if not received.is_mark and received.usage is None
        )
        if self._writer.is_due:
            self._wake.set()

    def _flush(self) -> None:
        while True:
            self._wake.wait(self._interval)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                self._writer.flush()
            except Exception:
                LOG.exception('Flush failed; buffered measurements were lost')
