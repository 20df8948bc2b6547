# SPDX-License-Identifier: Apache-2.0

"""The agent service: reads wattmeters and publishes measurements."""

import collections.abc
import logging
import socket
import threading
import time

from oslo_config import cfg
from oslo_service import service

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter.agent import backlog
from energy_meter.agent import checkpoint
from energy_meter.agent import health
from energy_meter.agent import metrics
from energy_meter.agent import recorder
from energy_meter.agent import registers
from energy_meter.agent import sender
from energy_meter.agent import state
from energy_meter.agent import supervisor
from energy_meter.agent import wattmeter as agent_wattmeter
from energy_meter.bus import publisher
from energy_meter.bus import transport as bus_transport
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)

#: Interval in seconds between republications of closed registers.
_REPUBLISH_INTERVAL_S = 300.0
#: Maximum time in seconds for each thread to end, and for the bus to accept
#: the final measurements, while the agent stops.
_STOP_TIMEOUT_S = 5.0

_Wattmeters = dict[str, agent_wattmeter.Wattmeter]


def name_of(conf: cfg.ConfigOpts) -> str:
    """Return the configured name of the agent, or else the host name."""
    return conf.agent.name or socket.gethostname()


class Agent(service.ServiceBase):
    """Reads wattmeters, keeps the registers of their probes, and publishes.

    :param conf: the configuration.
    :param reload: loads the configuration from the files again.
    :raises MissingSecrets: if no secret is configured.
    :raises StateLocked: if another agent uses this ``state_path``.
    :raises StateUnusable: if the ``state_path`` cannot be used.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        reload: collections.abc.Callable[[], cfg.ConfigOpts],
    ) -> None:
        self._conf = conf
        self._load_conf = reload
        self.counters = counters.Counters(metrics.COUNTERS)
        self._publisher = publisher.MeasurementPublisher(
            bus_transport.connect(conf),
            bus_transport.keyring(conf),
            name_of(conf),
        )
        self._state = state.StateDirectory(conf.state_path)
        self._identity = self._state.identify()
        self._registers = registers.Registers(
            self._identity.uuid, checkpoint.load(self._state)
        )
        self._backlog = backlog.Backlog(conf.agent.max_backlog, self.counters)
        self._recorder = recorder.Recorder(
            self._registers, self._backlog, self.counters
        )
        self._sender = self._make_sender()
        self._supervisor = self._make_supervisor()
        self.counters.registry.register(
            health.HealthExporter(
                self._supervisor.healths, lambda: len(self._backlog)
            )
        )
        self._throttled_log = log_throttle.ThrottledLogger(LOG)
        self._wattmeters: _Wattmeters = {}
        self._configuring = threading.Lock()
        self._stopping = threading.Event()
        self._reloading = threading.Event()
        self._task_thread = threading.Thread(
            target=self._run_periodic_tasks, name='periodic tasks', daemon=True
        )

    def _make_sender(self) -> sender.Sender:
        return sender.Sender(
            self._backlog,
            self._publisher,
            self._conf.agent.publish_interval,
            self._conf.agent.max_batch,
            self.counters,
        )

    def _make_supervisor(self) -> supervisor.Supervisor:
        return supervisor.Supervisor(
            self._recorder.record,
            self.register_probes,
            self._conf.agent.hang_timeout,
            self._conf.agent.max_backoff,
            self.counters,
        )

    def start(self) -> None:
        """Start reading the wattmeters.

        :raises NoWattmeters: if no wattmeter is configured without errors.
        """
        LOG.info(
            'Agent %s, uuid %s, incarnation %d',
            name_of(self._conf),
            self._identity.uuid,
            self._identity.incarnation,
        )
        self._queue_closed()
        self._apply(self._conf)
        self._sender.start()
        self._task_thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._supervisor.stop()
        if self._task_thread.is_alive():
            self._task_thread.join(_STOP_TIMEOUT_S)
        self._sender.stop(_STOP_TIMEOUT_S)
        self._save_checkpoint()
        self._state.close()

    def wait(self) -> None:
        self._stopping.wait()

    def reset(self) -> None:
        """Reload the secrets and the wattmeters.

        Registers of unchanged probes stay open.
        """
        self._reloading.set()

    def register_probes(self, wattmeter: agent_wattmeter.Wattmeter) -> None:
        """Open registers for a wattmeter whose channels have become known.

        :raises DuplicateProbe: if one of its probes belongs to another
            wattmeter.
        :raises StateUnusable: if a new incarnation cannot be stored.
        """
        with self._configuring:
            registered = {
                settings.probe.id: other.name
                for other in self._wattmeters.values()
                for settings in other.probes
                if other.name != wattmeter.name
            }
            for settings in wattmeter.probes:
                if other_name := registered.get(settings.probe.id):
                    raise exception.DuplicateProbe(
                        probe=settings.probe.id, other=other_name
                    )
            if wattmeter.name in self._wattmeters:
                wattmeters = {**self._wattmeters, wattmeter.name: wattmeter}
                self._renew_incarnation(wattmeters)
                self._open_registers(wattmeters)

    def _apply(self, conf: cfg.ConfigOpts) -> None:
        configured, errors = agent_wattmeter.load(conf, name_of(conf))
        for error in errors:
            LOG.error('%s', error)
        if not configured and not self._task_thread.is_alive():
            raise exception.NoWattmeters()
        with self._configuring:
            wattmeters = {
                wattmeter.name: self._keep_resolved(wattmeter)
                for wattmeter in configured
            }
            # This may fail, so it comes before any change.
            self._renew_incarnation(wattmeters)
            self._supervisor.stop_removed(configured)
            self._open_registers(wattmeters)
        self._supervisor.start_added(configured)

    def _keep_resolved(
        self, configured: agent_wattmeter.Wattmeter
    ) -> agent_wattmeter.Wattmeter:
        """Return the resolved form of a wattmeter that has not changed."""
        current = self._wattmeters.get(configured.name, configured)
        return current if current.unresolved() == configured else configured

    def _renew_incarnation(self, wattmeters: _Wattmeters) -> None:
        """Start a new incarnation if any probe needs a new register.

        A register replaces another only if its incarnation is higher, so new
        registers must not reuse the current one.
        """
        if self._task_thread.is_alive() and self._registers.unknown(
            settings.probe.id for settings in _settings(wattmeters)
        ):
            self._identity = self._state.identify()

    def _open_registers(self, wattmeters: _Wattmeters) -> None:
        self._wattmeters = wattmeters
        self._registers.configure(
            _settings(wattmeters), self._identity.incarnation, time.monotonic()
        )

    def _run_periodic_tasks(self) -> None:
        """Check drivers, reload, save checkpoints, republish registers."""
        checkpoint_due = time.monotonic()
        republish_due = checkpoint_due + _REPUBLISH_INTERVAL_S
        while not self._stopping.wait(1.0):
            self._run_task(self._supervisor.check)
            if self._reloading.is_set():
                self._reloading.clear()
                self._run_task(self._reload)
            monotonic = time.monotonic()
            if monotonic >= checkpoint_due:
                checkpoint_due = (
                    monotonic + self._conf.agent.checkpoint_interval
                )
                self._run_task(self._save_checkpoint)
            if monotonic >= republish_due:
                republish_due = monotonic + _REPUBLISH_INTERVAL_S
                self._run_task(self._republish_closed)

    @staticmethod
    def _run_task(task: collections.abc.Callable[[], None]) -> None:
        # An unhandled error would end the thread. Without checkpoints, the
        # next restart would lose energy.
        try:
            task()
        except Exception:
            LOG.exception('Periodic task failed')

    def _republish_closed(self) -> None:
        self._registers.expire(_REPUBLISH_INTERVAL_S)
        self._queue_closed()

    def _queue_closed(self) -> None:
        self._backlog.put(closed.final for closed in self._registers.closed())

    def _reload(self) -> None:
        LOG.info('Reloading the configuration')
        _, error = attempt.call(
            self._load_and_apply,
            (cfg.Error, OSError, exception.EnergyMeterError),
        )
        if error is not None:
            LOG.error(
                'Reload failed, keeping the current configuration: %s', error
            )

    def _load_and_apply(self) -> None:
        conf = self._load_conf()
        keyring = bus_transport.keyring(conf)
        self._apply(conf)
        self._publisher.use(keyring)

    def _save_checkpoint(self) -> None:
        _, error = attempt.call(
            lambda: checkpoint.save(self._state, self._registers),
            exception.StateUnusable,
        )
        if error is not None:
            self._throttled_log.warning(
                'checkpoint',
                'Cannot save the checkpoint (%s); retrying',
                error,
            )
        else:
            self._throttled_log.recovered(
                'checkpoint', 'Checkpoint saved again'
            )


def _settings(wattmeters: _Wattmeters) -> list[metering.Settings]:
    return [
        settings
        for wattmeter in wattmeters.values()
        for settings in wattmeter.probes
    ]
