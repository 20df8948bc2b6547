# SPDX-License-Identifier: Apache-2.0

"""The agent: from wattmeters to the bus."""

import collections.abc
import logging
import socket
import threading
import time

from oslo_config import cfg
from oslo_service import service

from energy_meter import complaint
from energy_meter import counters
from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import backlog
from energy_meter.agent import health
from energy_meter.agent import journal
from energy_meter.agent import ledger
from energy_meter.agent import sender
from energy_meter.agent import state
from energy_meter.agent import supervisor
from energy_meter.agent import wattmeter
from energy_meter.bus import publisher
from energy_meter.bus import transport as bus_transport

LOG = logging.getLogger(__name__)

#: Seconds between two announcements of ended registers.
_ANNOUNCE_INTERVAL = 300.0
#: Seconds that a stopping agent gives the bus to take its last words.
_PATIENCE = 5.0

_Wattmeters = dict[str, wattmeter.Wattmeter]


def name_of(conf: cfg.ConfigOpts) -> str:
    """Give the name of the agent that this configuration is for."""
    return conf.agent.name or socket.gethostname()


class Agent(service.ServiceBase):
    """Reads wattmeters, keeps their probes' registers, publishes.

    :param conf: the configuration.
    :param reload: gives the configuration as it is in the files now.
    :raises MissingSecrets: when no secret is configured.
    :raises StateInUse: when another agent runs on this ``state_path``.
    :raises StateUnusable: when the ``state_path`` can't be used.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        reload: collections.abc.Callable[[], cfg.ConfigOpts],
    ) -> None:
        self._conf = conf
        self._reload = reload
        self.counters = counters.Counters()
        self._publisher = publisher.Publisher(
            bus_transport.connect(conf),
            bus_transport.keyring(conf),
            name_of(conf),
        )
        self._state = state.StateDirectory(conf.state_path)
        self._identity = self._state.identify()
        self._ledger = ledger.Ledger(
            self._identity.uuid, journal.load(self._state), self.counters
        )
        self._backlog = backlog.Backlog(conf.agent.backlog, self.counters)
        self._sender = sender.Sender(
            self._backlog,
            self._publisher,
            conf.agent.publish_interval,
            conf.agent.max_batch,
            self.counters,
        )
        self._supervisor = supervisor.Supervisor(
            self.take,
            self.adopt,
            conf.agent.hang_timeout,
            conf.agent.backoff_max,
            self.counters,
        )
        self.counters.registry.register(
            health.Collector(
                self._supervisor.healths, lambda: len(self._backlog)
            )
        )
        self._complaints = complaint.Complaints(LOG)
        self._wattmeters: _Wattmeters = {}
        self._setting_up = threading.Lock()
        self._stopping = threading.Event()
        self._reloading = threading.Event()
        self._keeper = threading.Thread(
            target=self._keep, name='keeper', daemon=True
        )

    def start(self) -> None:
        """Begin to read.

        :raises NothingToMeter: when no wattmeter makes sense.
        """
        LOG.info(
            'Agent %s, uuid %s, incarnation %d',
            name_of(self._conf),
            self._identity.uuid,
            self._identity.incarnation,
        )
        self._backlog.put(item.word for item in self._ledger.ended())
        self._apply(self._conf)
        self._sender.start()
        self._keeper.start()

    def stop(self) -> None:
        self._stopping.set()
        self._supervisor.stop()
        if self._keeper.is_alive():
            self._keeper.join(_PATIENCE)
        self._sender.stop(_PATIENCE)
        self._write_journal()
        self._state.close()

    def wait(self) -> None:
        self._stopping.wait()

    def reset(self) -> None:
        """Read anew the secrets and the wattmeters.

        Registers of unchanged probes go on.
        """
        self._reloading.set()

    def take(
        self, readings: collections.abc.Iterable[measurement.Reading]
    ) -> None:
        """Let readings move the registers, and what they show wait."""
        now, wall = time.monotonic(), time.time()
        words = []
        for reading in readings:
            at = now if reading.at is None else min(reading.at, now)
            word = self._ledger.read(reading, at, wall - (now - at))
            if word is not None:
                words.append(word)
        self._backlog.put(words)

    def _apply(self, conf: cfg.ConfigOpts) -> None:
        wattmeters, errors = wattmeter.load(conf, name_of(conf))
        for error in errors:
            LOG.error('%s', error)
        if not wattmeters and not self._keeper.is_alive():
            raise exception.NothingToMeter()
        with self._setting_up:
            known = {item.name: self._as_adopted(item) for item in wattmeters}
            # What may fail comes before anything is changed.
            self._renew_incarnation(known)
            self._supervisor.retire(wattmeters)
            self._open_registers(known)
        self._supervisor.engage(wattmeters)

    def adopt(self, item: wattmeter.Wattmeter) -> None:
        """Open registers for a wattmeter that has told its outlets.

        :raises ProbeTaken: when another wattmeter has a probe of its.
        :raises StateUnusable: when no incarnation can be begun.
        """
        with self._setting_up:
            taken = {
                probe.probe.id: other.name
                for other in self._wattmeters.values()
                for probe in other.probes
                if other.name != item.name
            }
            for probe in item.probes:
                if other := taken.get(probe.probe.id):
                    raise exception.ProbeTaken(
                        probe=probe.probe.id, other=other
                    )
            if item.name in self._wattmeters:
                known = {**self._wattmeters, item.name: item}
                self._renew_incarnation(known)
                self._open_registers(known)

    def _as_adopted(self, item: wattmeter.Wattmeter) -> wattmeter.Wattmeter:
        known = self._wattmeters.get(item.name, item)
        return known if known.unresolved() == item else item

    def _renew_incarnation(self, wattmeters: _Wattmeters) -> None:
        """Begin an incarnation if registers will be opened.

        A register that is opened later than another of the same probe must
        be of a later one, or it could not succeed it.
        """
        if self._keeper.is_alive() and self._ledger.missing(
            item.probe.id for item in _settings(wattmeters)
        ):
            self._identity = self._state.identify()

    def _open_registers(self, wattmeters: _Wattmeters) -> None:
        self._wattmeters = wattmeters
        self._ledger.set_up(
            _settings(wattmeters), self._identity.incarnation, time.monotonic()
        )

    def _keep(self) -> None:
        """Watch the drivers, write the journal, announce ended registers."""
        journal_due = announce_due = time.monotonic()
        announce_due += _ANNOUNCE_INTERVAL
        while not self._stopping.wait(1.0):
            self._attempt(self._supervisor.check)
            if self._reloading.is_set():
                self._reloading.clear()
                self._attempt(self._apply_anew)
            now = time.monotonic()
            if now >= journal_due:
                journal_due = now + self._conf.agent.journal_interval
                self._attempt(self._write_journal)
            if now >= announce_due:
                announce_due = now + _ANNOUNCE_INTERVAL
                self._attempt(self._announce)

    @staticmethod
    def _attempt(chore: collections.abc.Callable[[], None]) -> None:
        # Without its keeper the agent would go on metering what a restart
        # then loses.
        try:
            chore()
        except Exception:
            LOG.exception('A chore of the agent failed')

    def _announce(self) -> None:
        self._ledger.pass_time(_ANNOUNCE_INTERVAL)
        self._backlog.put(item.word for item in self._ledger.ended())

    def _apply_anew(self) -> None:
        LOG.info('Reading the wattmeters anew')
        reason = None
        try:
            conf = self._reload()
            keyring = bus_transport.keyring(conf)
            self._apply(conf)
            self._publisher.use(keyring)
        except (cfg.Error, OSError, exception.EnergyMeterError) as error:
            reason = error
        # Outside the handler, or oslo.log would add the error once more.
        if reason:
            LOG.error('The configuration stays as it was: %s', reason)

    def _write_journal(self) -> None:
        reason = None
        try:
            journal.save(self._state, self._ledger)
        except exception.StateUnusable as error:
            reason = error
        # Outside the handler, as above.
        if reason:
            self._complaints.complain(
                'journal', 'The journal can not be written: %s', reason
            )
        else:
            self._complaints.settle(
                'journal', 'The journal can be written again'
            )


def _settings(wattmeters: _Wattmeters) -> list[ledger.Settings]:
    return [probe for item in wattmeters.values() for probe in item.probes]
