# SPDX-License-Identifier: Apache-2.0


"""The plugin's one writer: from the bus into the archive."""

import collections.abc
import logging
import threading

from oslo_config import cfg
from oslo_service import service

from energy_meter import complaint
from energy_meter import counters
from energy_meter import measurement
from energy_meter.bus import intake
from energy_meter.bus import listener
from energy_meter.conf import rrd as rrd_conf
from energy_meter.rrd import writer

LOG = logging.getLogger(__name__)

#: Seconds that a message may wait for others. The writer batches anyway.
_BATCH_TIMEOUT = 1.0

#: Seconds between two looks whether there is room again.
_PAUSE = 0.5


class Recorder(service.ServiceBase):
    """Reads signed measurements and writes them into RRD files.

    :param reload: gives the configuration as it is in the files now.
    :raises MissingSecrets: when no secret is configured.
    :raises ConfigurationError: when the configuration makes no sense.
    :raises ArchiveInUse: when another process writes the archive.
    :raises ArchiveUnusable: when its directory can't be used.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        reload: collections.abc.Callable[[], cfg.ConfigOpts],
    ) -> None:
        self._reload = reload
        self._interval = conf.rrd.flush_interval
        self.counters = counters.Counters()
        complaints = complaint.Complaints(LOG)
        self._stopping = threading.Event()
        self._intake = intake.Intake(
            conf,
            self.handle,
            self.counters,
            complaints,
            conf.rrd.batch_size,
            min(_BATCH_TIMEOUT, self._interval),
            rrd_conf.POOL,
        )
        self._writer = writer.Writer(conf, self.counters, complaints)
        self._flusher = threading.Thread(
            target=self._flush, name='flusher', daemon=True
        )

    def start(self) -> None:
        self._flusher.start()
        self._intake.start()

    def stop(self) -> None:
        """Stop; what has arrived is written."""
        self._stopping.set()
        self._intake.stop()
        if self._flusher.is_alive():
            self._flusher.join()
        self._writer.close()

    def wait(self) -> None:
        self._stopping.wait()

    def reset(self) -> None:
        """Read the secrets anew.

        :raises MissingSecrets: when none are left.
        :raises ConfigurationError: when they make no sense.
        """
        self._intake.reload(self._reload())

    def handle(self, words: list[measurement.Measurement]) -> None:
        """Let measurements wait for their files.

        :raises Stopping: when the service stops before there was room.
        """
        while self._writer.is_full:
            if self._stopping.wait(_PAUSE):
                raise listener.Stopping()
        self._writer.put(words)

    def _flush(self) -> None:
        while not self._stopping.wait(self._interval):
            try:
                self._writer.flush()
            except Exception:
                LOG.exception('What was to be written is lost')
