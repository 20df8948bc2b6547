# SPDX-License-Identifier: Apache-2.0

"""How every service is run."""

import collections.abc
import logging
import os
import signal
import sys
import typing

from oslo_config import cfg
from oslo_log import log
from oslo_service import service

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter import metrics
from energy_meter import report

LOG = logging.getLogger(__name__)


def read(
    prog: str,
    description: str,
    cli_opts: collections.abc.Sequence[cfg.Opt] = (),
    files: collections.abc.Sequence[str] | None = None,
) -> cfg.ConfigOpts:
    """Read the configuration that the process's arguments name.

    :param prog: name of the command.
    :param cli_opts: further options that the command takes.
    :param files: configuration files where the arguments name none.
    :raises oslo_config.cfg.Error: when it can't be read.
    :raises ConfigurationError: when an option is ill-typed.
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
    """Read the configuration and set up the log.

    Ends the process, and says why, when it can't be read. The parameters
    are those of :func:`read`.
    """
    try:
        conf = read(prog, description, cli_opts, files)
        # It opens the file of the log.
        log.setup(conf, 'energy_meter')
    except (
        cfg.Error,
        OSError,
        log.LogConfigError,
        exception.EnergyMeterError,
    ) as error:
        sys.exit(f'{prog}: {error}')
    return conf


def run(
    conf: cfg.ConfigOpts,
    make: collections.abc.Callable[
        [], collections.abc.Sequence[service.ServiceBase]
    ],
) -> typing.NoReturn:
    """Run services in this process until it is told to end.

    SIGTERM and Ctrl-C end it cleanly; SIGHUP makes it read anew what it can;
    SIGUSR2 makes it tell all about itself.

    :param make: makes the services, in the order in which they start.
    """
    LOG.info('%s %s starts', conf.prog, conf.version)
    reason = None
    try:
        # One process: it holds locks, registers and sockets that a fork or
        # a worker that comes and goes would break.
        service.launch(conf, _Together(conf, make()), workers=1, no_fork=True)
    except exception.EnergyMeterError as error:
        reason = error
    # Outside the handler, or oslo.log would add the exception once more.
    LOG.error('%s', reason)
    sys.stderr.flush()
    # Threads of what has started already must not keep it alive.
    os._exit(1)


class _Together(service.ServiceBase):
    """Several services as one, and what they tell about themselves."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        services: collections.abc.Sequence[service.ServiceBase],
    ) -> None:
        self._conf = conf
        self._registry = metrics.registry(
            {
                type(item).__name__.lower(): item.counters
                for item in services
                if hasattr(item, 'counters')
            },
            str(conf.version),
        )
        # First, as a port that is taken shows before anything is metered.
        self._services = [metrics.Server(conf, self._registry), *services]

    def start(self) -> None:
        report.install(self._conf, self._registry)
        for item in self._services:
            item.start()
        _log_options(self._conf)
        # The launcher would end at once on Ctrl-C and on SIGHUP.
        signal.signal(
            signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGTERM)
        )
        signal.signal(signal.SIGHUP, lambda *_: self.reset())

    def stop(self) -> None:
        for item in reversed(self._services):
            item.stop()
        LOG.info('Ended')

    def wait(self) -> None:
        while True:
            signal.pause()

    def reset(self) -> None:
        for item in self._services:
            reason = None
            try:
                item.reset()
            except (cfg.Error, OSError, exception.EnergyMeterError) as error:
                reason = error
            # Outside the handler, or oslo.log would add the error once more.
            if reason:
                LOG.error('The configuration stays as it was: %s', reason)


def _log_options(conf: cfg.ConfigOpts) -> None:
    """Log the effective configuration, secrets masked."""
    try:
        conf.log_opt_values(LOG, logging.DEBUG)
    except (cfg.Error, ValueError) as error:
        # Its text may show the value, which may be a secret.
        LOG.debug('An option can not be shown: %s', type(error).__name__)
