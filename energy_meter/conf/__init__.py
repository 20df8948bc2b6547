# SPDX-License-Identifier: Apache-2.0

"""The configuration: one module per area.

A service loads it once with :func:`load` and hands the result on; nothing
reads a global.
"""

import collections.abc
import importlib.metadata

from oslo_config import cfg
from oslo_db import options as db_options
from oslo_log import log
from oslo_reports import opts as reports_opts
from oslo_service import opts as service_opts

from energy_meter.conf import agent
from energy_meter.conf import agent_secrets
from energy_meter.conf import api
from energy_meter.conf import base
from energy_meter.conf import bus
from energy_meter.conf import collector
from energy_meter.conf import forwarder
from energy_meter.conf import metrics
from energy_meter.conf import rrd
from energy_meter.conf import values
from energy_meter.conf import wattmeter

_AREAS = (base, agent, bus, collector, api, rrd, forwarder, metrics)


def load(
    argv: collections.abc.Sequence[str],
    prog: str,
    cli_opts: collections.abc.Sequence[cfg.Opt] = (),
    description: str = '',
    files: collections.abc.Sequence[str] | None = None,
) -> cfg.ConfigOpts:
    """Read the configuration.

    :param argv: the arguments of the command, its name left out.
    :param prog: name of the command.
    :param cli_opts: further options that the command takes.
    :param description: what the command does, for its ``--help``.
    :param files: configuration files where ``argv`` names none.
    :raises oslo_config.cfg.Error: when the configuration can't be read.
    :raises ConfigurationError: when an option is ill-typed.
    """
    conf = cfg.ConfigOpts()
    register_opts(conf)
    log.register_options(conf)
    log.set_defaults(
        default_log_levels=[
            *log.get_default_log_levels(),
            'alembic=WARN',
            'oslo_service=ERROR',
            'pymodbus.logging=CRITICAL',
            'sushy=CRITICAL',
        ]
    )
    conf.register_cli_opts(cli_opts)
    try:
        conf(
            list(argv),
            project='energy_meter',
            prog=prog,
            version=importlib.metadata.version('energy-meter'),
            description=description,
            default_config_files=None if files is None else list(files),
        )
    except UnicodeDecodeError as error:
        raise cfg.ConfigFileParseError('a configuration file', str(error))
    check(conf)
    # Left to itself, oslo.log writes to standard output, where results belong.
    conf.set_default(
        'use_stderr',
        not (
            conf.log_file
            or conf.log_dir
            or conf.use_syslog
            or conf.use_journal
        ),
    )
    return conf


def check(conf: cfg.ConfigOpts) -> None:
    """Find ill-typed options now rather than when they are needed.

    Secrets are left to those who need them: no text may show their values.

    :raises ConfigurationError: when there is one.
    """
    for area in _AREAS:
        for section, opts in area.list_opts():
            for opt in opts:
                if not opt.secret:
                    values.read(conf, section, opt)


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of every area and of the libraries used."""
    for area in _AREAS:
        area.register_opts(conf)
    for group, opts in db_options.list_opts():
        conf.register_opts(opts, group)
    service_opts.register_service_opts(conf)
    reports_opts.set_defaults(conf)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """List our options for the sample and the reference."""
    found = [group for area in _AREAS for group in area.list_opts()]
    return found + agent_secrets.list_opts() + wattmeter.list_opts()
