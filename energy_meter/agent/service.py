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
from energy_meter.agent import backlog
from energy_meter.agent import clock as agent_clock
from energy_meter.agent import health
from energy_meter.agent import metrics
from energy_meter.agent import recorder
from energy_meter.agent import reloading
from energy_meter.agent import sender
from energy_meter.agent import storage
from energy_meter.agent import supervisor
from energy_meter.agent import wattmeter as agent_wattmeter
from energy_meter.bus import publisher
from energy_meter.bus import transport as bus_transport
from energy_meter.conf import files as conf_files
from energy_meter.conf import sections
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)

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
    :param announce_all: whether to publish all buffered marks again.
    :param clock: clock of the machine; by default as configured.
    :raises MissingSecrets: if no secret is configured.
    :raises StateLocked: if another agent uses this ``state_path``.
    :raises StateUnusable: if the ``state_path`` cannot be used.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        reload: collections.abc.Callable[[], cfg.ConfigOpts],
        announce_all: bool = False,
        clock: agent_clock.Clock | None = None,
    ) -> None:
        self._conf = conf
        self._load_conf = reload
        self._clock = clock or agent_clock.Clock(conf.agent.clock)
        self.counters = counters.Counters(metrics.COUNTERS)
        self._publisher = publisher.MeasurementPublisher(
            bus_transport.connect(conf),
            bus_transport.keyring(conf),
            name_of(conf),
        )
        self._storage = storage.Storage(
            conf, self._clock, announce_all, self.counters
        )
        self._backlog = backlog.Backlog(conf.agent.max_backlog, self.counters)
        self._recorder = recorder.Recorder(
            self._storage.registers,
            self._backlog,
            self._storage.marks,
            self._clock,
            self.counters,
        )
        self._sender = self._make_sender()
        self._supervisor = self._make_supervisor()
        self._export_health()
        self._configured: list[agent_wattmeter.Wattmeter] = []
        self._wattmeters: _Wattmeters = {}
        self._delay = 0.0
        self._configuring = threading.Lock()
        self._stopping = threading.Event()
        self._reloading = threading.Event()
        self._task_thread = threading.Thread(
            target=self._run_periodic_tasks, name='periodic tasks', daemon=True
        )

    def _make_sender(self) -> sender.Sender:
        return sender.Sender(
            self._backlog,
            self._storage.announcer,
            self._storage.checkpoint.save_if_needed,
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

    def _export_health(self) -> None:
        self.counters.registry.register(
            health.HealthExporter(
                self._supervisor.healths,
                (
                    health.Gauge(
                        'backlog_measurements',
                        'Measurements queued for the bus',
                        lambda: len(self._backlog),
                    ),
                    health.Gauge(
                        'clock_synchronized',
                        'Whether the wall clock is synchronized',
                        lambda: self._clock.now().synced,
                    ),
                    *self._storage.gauges(),
                ),
            )
        )

    def start(self) -> None:
        """Start reading the wattmeters.

        An agent that is restarted often waits before that.

        :raises NoWattmeters: if no wattmeter is configured without errors.
        """
        LOG.info('Agent %s, uuid %s', name_of(self._conf), self._storage.uuid)
        self._configured, _ = self._load_wattmeters(self._conf)
        if not self._configured:
            raise exception.NoWattmeters(files=conf_files.describe(self._conf))
        self._delay = self._storage.count_start()
        if self._delay:
            LOG.warning(
                'This agent is restarted often; metering starts in %.0f s',
                self._delay,
            )
            self.counters.count('restart_backoff_seconds', self._delay)
        else:
            self._read(self._configured)
        self._sender.start()
        self._task_thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._supervisor.stop()
        if self._task_thread.is_alive():
            self._task_thread.join(_STOP_TIMEOUT_S)
        self._sender.stop(_STOP_TIMEOUT_S)
        self._storage.close()

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
                self._open_registers(wattmeters)

    @staticmethod
    def _load_wattmeters(conf: cfg.ConfigOpts) -> agent_wattmeter.Loaded:
        """Load the wattmeters, and log what is wrong with their sections."""
        configured, errors = agent_wattmeter.load(conf, name_of(conf))
        for error in errors:
            LOG.error('%s', error)
        for warning in sections.unused_templates(conf):
            LOG.warning('%s', warning)
        return configured, errors

    def _apply(self, conf: cfg.ConfigOpts) -> None:
        """Read the wattmeters of a configuration that has changed."""
        configured, errors = self._load_wattmeters(conf)
        wanted = reloading.keep_previous(configured, errors, self._wattmeters)
        kept = [each.name for each in wanted if each not in configured]
        if kept:
            # In one line: a mistake in a template can affect hundreds.
            LOG.warning('Wattmeters read as before: %s', ', '.join(kept))
        self._read(wanted)

    def _read(self, wanted: list[agent_wattmeter.Wattmeter]) -> None:
        """Read these wattmeters, and no others."""
        configured = [wattmeter.unresolved() for wattmeter in wanted]
        with self._configuring:
            wattmeters = {
                wattmeter.name: self._keep_resolved(wattmeter)
                for wattmeter in wanted
            }
            self._supervisor.stop_removed(configured)
            self._open_registers(wattmeters)
        self._supervisor.start_added(configured)

    def _keep_resolved(
        self, configured: agent_wattmeter.Wattmeter
    ) -> agent_wattmeter.Wattmeter:
        """Return the resolved form of a wattmeter that has not changed."""
        current = self._wattmeters.get(configured.name, configured)
        return current if current.unresolved() == configured else configured

    def _open_registers(self, wattmeters: _Wattmeters) -> None:
        self._wattmeters = wattmeters
        self._storage.marks.put(
            self._storage.registers.configure(
                [
                    settings
                    for wattmeter in wattmeters.values()
                    for settings in wattmeter.probes
                ],
                self._clock.now(),
            )
        )

    def _run_periodic_tasks(self) -> None:
        """Check drivers, write marks, reload and save checkpoints."""
        if self._delay:
            if self._stopping.wait(self._delay):
                return
            self._run_task(lambda: self._read(self._configured))
        checkpoint_due = time.monotonic()
        while not self._stopping.wait(1.0):
            self._run_task(self._supervisor.check)
            # The sender writes them, too, but not while the bus blocks it.
            self._run_task(self._storage.marks.flush)
            if self._reloading.is_set():
                self._reloading.clear()
                self._run_task(self._reload)
            monotonic = time.monotonic()
            if monotonic >= checkpoint_due:
                checkpoint_due = (
                    monotonic + self._conf.agent.checkpoint_interval
                )
                self._run_task(self._storage.checkpoint.save)

    @staticmethod
    def _run_task(task: collections.abc.Callable[[], object]) -> None:
        # An unhandled error would end the thread. Without checkpoints, the
        # next restart would lose energy.
        try:
            task()
        except Exception:
            LOG.exception('Periodic task failed')

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
