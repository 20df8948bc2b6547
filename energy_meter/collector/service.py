# SPDX-License-Identifier: Apache-2.0

"""The collector: from the bus into the database."""

import collections.abc
import logging
import threading
import time

from oslo_config import cfg
from oslo_db import exception as db_exception
from oslo_service import service
import sqlalchemy as sa

from energy_meter import complaint
from energy_meter import counters
from energy_meter import measurement
from energy_meter.bus import intake
from energy_meter.collector import housekeeping
from energy_meter.collector import merge
from energy_meter.collector import plausibility
from energy_meter.collector import probe_sections
from energy_meter.collector import refusals
from energy_meter.collector import writer
from energy_meter.db import engine as db_engine
from energy_meter.db import projects
from energy_meter.db import sums

LOG = logging.getLogger(__name__)


class Collector(service.ServiceBase):
    """Reads signed measurements and merges them into the database.

    It keeps nothing: any number may run at once, and each may be killed at
    any time.

    :param reload: gives the configuration as it is in the files now.
    :raises MissingSecrets: when no secret is configured.
    :raises ConfigurationError: when the bus can't be reached as configured.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        reload: collections.abc.Callable[[], cfg.ConfigOpts],
    ) -> None:
        self._options = conf.collector
        self._told = probe_sections.load(conf)
        self._reload = reload
        self._wake = threading.Event()
        self._engine = db_engine.connect(conf)
        self._stopping = threading.Event()
        self.counters = counters.Counters()
        self._refusals = refusals.Refusals(self.counters)
        self._complaints = complaint.Complaints(LOG)
        self._writer = writer.Writer(
            self._engine,
            conf.collector.takeover,
            self._stopping,
            self.counters,
            self._complaints,
        )
        self._intake = intake.Intake(
            conf,
            self.handle,
            self.counters,
            self._complaints,
            conf.collector.batch_size,
            conf.collector.flush_interval,
        )
        self._housekeeper = threading.Thread(
            target=self._keep_house, name='housekeeper', daemon=True
        )

    def start(self) -> None:
        self._housekeeper.start()
        self._intake.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        self._intake.stop()
        self._engine.dispose()

    def wait(self) -> None:
        self._stopping.wait()

    def reset(self) -> None:
        """Read anew the secrets, and what is told of probes.

        :raises MissingSecrets: when no secrets are left.
        :raises ConfigurationError: when they make no sense.
        """
        conf = self._reload()
        self._intake.reload(conf)
        self._told = probe_sections.load(conf)
        self._wake.set()

    def handle(self, words: list[measurement.Measurement]) -> None:
        """Merge a batch of measurements.

        :raises Stopping: when the service stops before it could.
        """
        plausible = merge.newest(filter(self._is_plausible, words))
        if plausible:
            self._writer.write(plausible)

    def _is_plausible(self, word: measurement.Measurement) -> bool:
        if plausibility.is_plausible(word, self._options.max_watts):
            return True
        self.counters.count('implausible')
        self._complaints.complain(
            f'implausible {word.register.agent}',
            'Agent %s sent %d mJ in %.0f s, and %s W, for probe %s: more than '
            '[collector] max_watts allows, or over more than ten years; not '
            'merged',
            word.probe.agent,
            word.millijoules,
            word.elapsed,
            word.watts,
            word.probe.id,
        )
        return False

    def _keep_house(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            failure, pause = '', float(refusals.INTERVAL)
            try:
                if time.monotonic() >= due:
                    self._set_up_and_fold()
                    due = time.monotonic() + housekeeping.INTERVAL
                self._refusals.save(self._engine)
            except (db_exception.DBError, sa.exc.SQLAlchemyError) as error:
                failure = db_engine.explain(error)
                pause = housekeeping.RETRY
            # Outside the handler, or oslo.log would add the error once more.
            if failure:
                self._complaints.complain(
                    'housekeeping',
                    'Sums and projects can not be set up and '
                    'old registers not be folded (%s); trying again',
                    failure,
                )
            if self._wake.wait(pause):
                due = time.monotonic()
            self._wake.clear()

    def _set_up_and_fold(self) -> None:
        with self._engine.begin() as connection:
            sums.configure(connection, self._told.sums)
            projects.configure(connection, self._told.projects)
            housekeeping.fold(connection, self._options.fold_after)
