# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The collector: from the bus into the database."""

import collections.abc
import logging
import threading

from oslo_config import cfg
from oslo_db import exception as db_exception
from oslo_service import service
import sqlalchemy as sa

from energy_meter import complaint
from energy_meter import counters
from energy_meter import exception
from energy_meter import measurement
from energy_meter.bus import envelope
from energy_meter.bus import sources
from energy_meter.bus import transport as bus_transport
from energy_meter.collector import housekeeping
from energy_meter.collector import merge
from energy_meter.collector import sum_probes
from energy_meter.collector import writer
from energy_meter.conf import bus as bus_conf
from energy_meter.db import engine as db_engine
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

    def __init__(self, conf: cfg.ConfigOpts,
                 reload: collections.abc.Callable[[], cfg.ConfigOpts],
                 ) -> None:
        self._options = conf.collector
        self._sums = sum_probes.load(conf)
        self._reload = reload
        self._wake = threading.Event()
        self._keyring = bus_transport.keyring(conf)
        self._engine = db_engine.connect(conf)
        self._stopping = threading.Event()
        self.counters = counters.Counters()
        self._complaints = complaint.Complaints(LOG)
        self._writer = writer.Writer(
            self._engine, conf.collector.takeover, self._stopping,
            self.counters, self._complaints)
        self._sources = sources.Sources(
            bus_transport.connect_sources(conf, bus_conf.GROUP), self.handle,
            self._drop_unreadable, conf.collector.batch_size,
            conf.collector.flush_interval)
        self._housekeeper = threading.Thread(
            target=self._keep_house, name='housekeeper', daemon=True)

    def start(self) -> None:
        self._housekeeper.start()
        self._sources.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        self._sources.stop()
        self._engine.dispose()

    def wait(self) -> None:
        self._stopping.wait()

    def reset(self) -> None:
        """Read the sums of probes anew."""
        reason = None
        try:
            self._sums = sum_probes.load(self._reload())
        except (cfg.Error, OSError, exception.EnergyMeterError) as error:
            reason = error
        # Outside the handler, or oslo.log would add the error once more.
        if reason:
            LOG.error('The configuration stays as it was: %s', reason)
        self._wake.set()

    def handle(self, envelopes: list[object]) -> None:
        """Merge what a batch of envelopes says.

        :raises Stopping: when the service stops before it could.
        """
        self.counters.count('messages', len(envelopes))
        words: list[measurement.Measurement] = []
        for item in envelopes:
            words += self._open(item)
        if words:
            self._writer.write(merge.newest(words))

    def _drop_unreadable(self) -> None:
        self._reject('unreadable', 'it is no notification')

    def _reject(self, cause: str, reason: object) -> None:
        self.counters.count('rejected', cause=cause)
        self._complaints.complain(cause, 'Rejected a message: %s', reason)

    def _open(self, item: object) -> collections.abc.Iterable[
            measurement.Measurement]:
        try:
            words = envelope.unseal(self._keyring, item)
        except exception.RejectedMessage as error:
            self._reject(error.cause, error)
            return ()
        self.counters.count('measurements', len(words))
        return [word for word in words if self._is_plausible(word)]

    def _is_plausible(self, word: measurement.Measurement) -> bool:
        if merge.is_plausible(word, self._options.max_watts):
            return True
        self.counters.count('implausible')
        self._complaints.complain(
            f'implausible {word.register.agent}',
            'Agent %s sent %d mJ in %.0f s for probe %s: more than [collector]'
            ' max_watts allows; not merged', word.probe.agent,
            word.millijoules, word.elapsed, word.probe.id)
        return False

    def _keep_house(self) -> None:
        while not self._stopping.is_set():
            pause: float = housekeeping.INTERVAL
            try:
                with self._engine.begin() as connection:
                    sums.configure(connection, self._sums)
                    housekeeping.fold(connection, self._options.fold_after)
            except (db_exception.DBError, sa.exc.SQLAlchemyError) as error:
                pause = housekeeping.RETRY
                self._complaints.complain(
                    'housekeeping', 'Sums can not be set up and old registers '
                    'not be folded (%s); trying again', type(error).__name__)
            self._wake.wait(pause)
            self._wake.clear()
