# SPDX-License-Identifier: Apache-2.0

"""Start and run the services of a process."""

import collections.abc
import functools
import logging
import os
import signal
import sys
import typing

from oslo_config import cfg
from oslo_log import log
from oslo_service import service

from energy_meter import attempt
from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter import garbage
from energy_meter import hangup
from energy_meter.conf import files as conf_files
from energy_meter.conf import mistakes
from energy_meter.telemetry import counters
from energy_meter.telemetry import guru_meditation
from energy_meter.telemetry import metrics

LOG = logging.getLogger(__name__)


def read(
    prog: str,
    description: str,
    cli_opts: collections.abc.Sequence[cfg.Opt] = (),
    files: collections.abc.Sequence[str] | None = None,
) -> cfg.ConfigOpts:
    """Return the configuration that the arguments of the process name.

    :param prog: name of the command.
    :param description: text for ``--help``.
    :param cli_opts: additional options of the command line.
    :param files: configuration files if the arguments name neither files nor
        directories.
    :raises oslo_config.cfg.Error: if it cannot be read.
    :raises ConfigurationError: if the value of an option is invalid.
    """
    return energy_meter_conf.load(
        sys.argv[1:], prog, cli_opts, description, files
    )


def load(
    prog: str,
    description: str,
    cli_opts: collections.abc.Sequence[cfg.Opt] = (),
    files: collections.abc.Sequence[str] | None = None,
) -> cfg.ConfigOpts:
    """Return the configuration and set up logging.

    Exits with an error message if the configuration is invalid. The
    parameters are those of :func:`read`.
    """
    try:
        conf = read(prog, description, cli_opts, files)
        # This opens the log file. Its owner would be the user who checks.
        if not ('check' in conf and conf.check):
            log.setup(conf, 'energy_meter')
    except (
        cfg.Error,
        OSError,
        log.LogConfigError,
        exception.EnergyMeterError,
    ) as error:
        sys.exit(f'{prog}: {error}')
    if 'connect' in conf and conf.connect and not conf.check:
        sys.exit(f'{prog}: --connect requires --check')
    return conf


def run(
    conf: cfg.ConfigOpts,
    make: collections.abc.Callable[
        [], collections.abc.Sequence[service.ServiceBase]
    ],
    on_started: collections.abc.Callable[[], None] = lambda: None,
) -> typing.NoReturn:
    """Run services in this process until it is terminated.

    SIGTERM and Ctrl-C stop the services, SIGHUP reloads their configuration,
    and SIGUSR2 prints a Guru Meditation Report.

    :param make: returns the services in the order in which they start.
    :param on_started: called once all of them have started.
    """
    LOG.info('Starting %s %s', conf.prog, conf.version)
    mistakes.log(conf)
    # From here to start(), the launcher's handler would exit.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    # In this process: a fork would break locks, registers and sockets.
    _, error = attempt.call(
        lambda: service.launch(
            conf,
            _ServiceGroup(conf, make(), on_started),
            workers=1,
            no_fork=True,
        ),
        exception.EnergyMeterError,
    )
    if error is not None:
        LOG.error('%s', conf_files.locate(error, conf_files.paths(conf)))
    sys.stderr.flush()
    # Threads of services that have started must not keep the process alive.
    os._exit(1)


@typing.runtime_checkable
class _HasCounters(typing.Protocol):
    """A service that has counters."""

    counters: counters.Counters


class _ServiceGroup(service.ServiceBase):
    """The services of a process, with the server of their metrics."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        services: collections.abc.Sequence[service.ServiceBase],
        on_started: collections.abc.Callable[[], None],
    ) -> None:
        self._conf = conf
        self._on_started = on_started
        self._registry = metrics.registry(
            {
                type(member).__name__.lower(): member.counters
                for member in services
                if isinstance(member, _HasCounters)
            },
            str(conf.version),
        )
        # First, so that a port in use is detected before metering starts.
        self._services = [
            metrics.MetricsServer(conf, self._registry),
            *services,
        ]

    def start(self) -> None:
        """Start the services and install the signal handlers."""
        hangup.hold()
        # Before the first thread and child process, which inherit the mask.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
        guru_meditation.install(self._conf, self._registry)
        for member in self._services:
            member.start()
        self._on_started()
        _log_options(self._conf)
        garbage.tune()
        # The launcher would exit immediately on SIGINT.
        signal.signal(
            signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGTERM)
        )
        hangup.deliver(self.reset)

    def stop(self) -> None:
        """Stop the services in reverse order."""
        for member in reversed(self._services):
            member.stop()
        LOG.info('Stopped')

    def wait(self) -> None:
        """Wait for signals; the handler of SIGTERM ends the process."""
        # pause() would not see a signal that arrives just before it: its
        # handler would run after the next one.
        wake_up, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        while True:
            os.read(wake_up, 1)

    def reset(self) -> None:
        """Reload the configuration of each service."""
        for reload in (
            functools.partial(mistakes.log, self._conf),
            *(member.reset for member in self._services),
        ):
            _, error = attempt.call(
                reload,
                (cfg.Error, OSError, exception.EnergyMeterError),
            )
            if error:
                LOG.error(
                    'Reload failed, keeping the current configuration: %s',
                    error,
                )


def _log_options(conf: cfg.ConfigOpts) -> None:
    """Log the effective configuration, with secrets masked."""
    try:
        conf.log_opt_values(LOG, logging.DEBUG)
    except (cfg.Error, ValueError) as error:
        # Its text can contain the value, which can be a secret.
        LOG.debug('Cannot log the configuration: %s', type(error).__name__)
