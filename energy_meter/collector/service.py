# SPDX-License-Identifier: Apache-2.0

"""Collector service."""

import collections.abc
import functools
import logging
import threading
import time

from oslo_config import cfg
from oslo_service import service

from energy_meter import attempt
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.bus import consumer
from energy_meter.collector import attributing
from energy_meter.collector import closer
from energy_meter.collector import housekeeping
from energy_meter.collector import metrics
from energy_meter.collector import outage
from energy_meter.collector import plausibility
from energy_meter.collector import probe_sections
from energy_meter.collector import quotas
from energy_meter.collector import rejections
from energy_meter.collector import settler
from energy_meter.collector import writer
from energy_meter.db import attributing as db_attributing
from energy_meter.db import engine as db_engine
from energy_meter.db import projects
from energy_meter.db import sums
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)

#: Maximum time in seconds for a settling to end while the service stops.
_STOP_TIMEOUT_S = 5.0


class Collector(service.ServiceBase):
    """Reads signed measurements and merges them into the database.

    It has no state of its own: any number of collectors can run at the same
    time, and each can be killed at any time.

    :param reload: returns the configuration as it is in the files now.
    :raises MissingSecrets: if no secret is configured.
    :raises ConfigurationError: if the configuration of the bus is invalid, or
        the method of attribution is not installed.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        reload: collections.abc.Callable[[], cfg.ConfigOpts],
    ) -> None:
        self._options = conf.collector
        self._load_probe_settings(conf)
        self._reload = reload
        self._wake = threading.Event()
        self._engine = db_engine.connect(conf)
        self._stopping = threading.Event()
        self.counters = counters.Counters(metrics.COUNTERS)
        self._rejections = rejections.Rejections(self.counters)
        self._throttled_log = log_throttle.ThrottledLogger(LOG)
        self._outage = outage.DatabaseOutage(self.counters)
        self._writer = writer.Writer(
            self._engine,
            self._stopping,
            self.counters,
            self._rejections,
            self._throttled_log,
            quotas.Quotas(conf.collector),
            self._outage,
        )
        self._settler = settler.Settler(
            self._engine,
            conf.collector.settle_interval,
            self.counters,
            self._throttled_log,
            self._outage,
        )
        self._closer = closer.Closer(
            self._engine, self._stopping, self.counters, self._throttled_log
        )
        self._attributor = attributing.Attributor(
            self._engine,
            self._stopping,
            db_attributing.rules(conf),
            self.counters,
            self._throttled_log,
        )
        self._consumer = consumer.MeasurementConsumer(
            conf,
            self.handle,
            self.counters,
            self._throttled_log,
            conf.collector.batch_size,
            conf.collector.flush_interval,
        )
        self._maintenance = threading.Thread(
            target=self._run_maintenance, name='maintenance', daemon=True
        )

    def start(self) -> None:
        self._maintenance.start()
        self._settler.start()
        self._consumer.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        self._consumer.stop()
        self._settler.stop(_STOP_TIMEOUT_S)
        self._engine.dispose()

    def wait(self) -> None:
        self._stopping.wait()

    def reset(self) -> None:
        """Reload the secrets and the settings of probes.

        :raises MissingSecrets: if no secret is left.
        :raises ConfigurationError: if the secrets are invalid.
        """
        conf = self._reload()
        self._consumer.reload(conf)
        self._load_probe_settings(conf)
        self._wake.set()

    def _load_probe_settings(self, conf: cfg.ConfigOpts) -> None:
        self._probe_settings = probe_sections.load(conf)
        self._limits = plausibility.Limits(
            self._options.max_watts, self._probe_settings.max_watts
        )

    def handle(self, measurements: list[measurement.Measurement]) -> None:
        """Merge a batch of measurements.

        :raises Stopping: if the service stops before the batch is written.
        """
        plausible = list(filter(self._is_plausible, measurements))
        if plausible:
            self._writer.write(plausible)

    def _is_plausible(self, received: measurement.Measurement) -> bool:
        if self._limits.is_plausible(received):
            return True
        self.counters.count('measurements_rejected', reason='out_of_range')
        self._rejections.reject('out_of_range', received.probe.agent)
        self._throttled_log.warning(
            'out of range',
            'Rejected a measurement of probe %s from agent %s: %d mJ in '
            '%.0f s, %s W exceed %g W, max_watts in [probe:...] or '
            '[collector], or the maximum age of a register, ten years',
            received.probe.id,
            received.probe.agent,
            received.millijoules,
            received.elapsed / 1000,
            received.watts,
            self._limits.max_watts(received.probe.id),
            subject=received.probe.agent,
        )
        return False

    def _run_maintenance(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            pause = rejections.INTERVAL_S
            is_due = time.monotonic() >= due
            _, error = attempt.call(
                functools.partial(self._maintain, is_due), db_engine.ERRORS
            )
            if error is not None:
                pause = housekeeping.RETRY_INTERVAL_S
                self._outage.report(error, 'maintenance')
            else:
                self._outage.succeed('maintenance')
                if is_due:
                    due = time.monotonic() + housekeeping.INTERVAL_S
            if self._wake.wait(pause):
                due = time.monotonic()
            self._wake.clear()

    def _maintain(self, is_due: bool) -> None:
        if is_due:
            self._configure()
            housekeeping.purge(self._engine, self._stopping)
        self._closer.run()
        self._attributor.run()
        self._rejections.save(self._engine)

    def _configure(self) -> None:
        with db_engine.writing(self._engine) as connection:
            sums.configure(connection, self._probe_settings.sums)
            projects.configure(connection, self._probe_settings.projects)
