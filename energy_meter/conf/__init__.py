# SPDX-License-Identifier: Apache-2.0

"""Configuration options, one module for each area.

A service calls :func:`load` once and passes the result on. There is no global
``CONF``.
"""

import collections.abc
import functools
import importlib.metadata

from oslo_config import cfg
from oslo_db import options as db_options
from oslo_log import log
from oslo_reports import opts as reports_opts
from oslo_service import opts as service_opts

from energy_meter import exception
from energy_meter.conf import agent
from energy_meter.conf import agent_secrets
from energy_meter.conf import api
from energy_meter.conf import base
from energy_meter.conf import bus
from energy_meter.conf import collector
from energy_meter.conf import completion
from energy_meter.conf import energy_api
from energy_meter.conf import files as conf_files
from energy_meter.conf import forwarder
from energy_meter.conf import metrics
from energy_meter.conf import rrd
from energy_meter.conf import values
from energy_meter.conf import wattmeter

_AREAS = (
    base,
    agent,
    bus,
    collector,
    api,
    rrd,
    energy_api,
    forwarder,
    metrics,
)


def load(
    argv: collections.abc.Sequence[str],
    prog: str,
    cli_opts: collections.abc.Sequence[cfg.Opt] = (),
    description: str = '',
    files: collections.abc.Sequence[str] | None = None,
) -> cfg.ConfigOpts:
    """Load and check the configuration.

    :param argv: arguments of the command, without its name.
    :param prog: name of the command.
    :param cli_opts: additional options of the command.
    :param description: description of the command for ``--help``.
    :param files: configuration files to use if ``argv`` names neither files
        nor directories, instead of those in /etc.
    :raises oslo_config.cfg.Error: if the configuration cannot be read.
    :raises ConfigurationError: if an option has an invalid value.
    :raises ConfigurationUnreadable: if a directory of files is not readable.
    """
    conf = completion.ConfigOpts()
    register_opts(conf)
    _register_logging_opts(conf)
    conf.register_cli_opts(cli_opts)
    _parse(conf, argv, prog, description, files)
    check(conf)
    # By default, oslo.log writes to standard output, which is for results.
    conf.set_default('use_stderr', not _has_log_destination(conf))
    return conf


def _parse(
    conf: cfg.ConfigOpts,
    argv: collections.abc.Sequence[str],
    prog: str,
    description: str,
    files: collections.abc.Sequence[str] | None,
) -> None:
    parse = functools.partial(
        conf,
        list(argv),
        project='energy_meter',
        prog=prog,
        version=importlib.metadata.version('energy-meter'),
        description=description,
    )
    try:
        if files is None:
            parse()
            return
        parse(default_config_files=[], default_config_dirs=[])
        if not (conf.config_file or conf.config_dir):
            parse(default_config_files=[*files], default_config_dirs=[])
    except UnicodeDecodeError as error:
        raise cfg.ConfigFileParseError('a configuration file', str(error))


def _register_logging_opts(conf: cfg.ConfigOpts) -> None:
    log.register_options(conf)
    log.set_defaults(
        default_log_levels=[
            *log.get_default_log_levels(),
            'alembic=WARN',
            'oslo_service=ERROR',
            'pymodbus.logging=CRITICAL',
        ]
    )


def _has_log_destination(conf: cfg.ConfigOpts) -> bool:
    return bool(
        conf.log_file or conf.log_dir or conf.use_syslog or conf.use_journal
    )


def check(conf: cfg.ConfigOpts) -> None:
    """Check the values of all options at startup, not at their first use.

    Secret options are skipped; their consumers check them.

    :raises ConfigurationError: if an option has an invalid value.
    :raises ConfigurationUnreadable: if a directory of files is not readable.
    """
    conf_files.check_directories(conf)
    try:
        _check_values(conf)
    except exception.ConfigurationError as error:
        raise conf_files.locate(error, conf_files.paths(conf)) from None


def _check_values(conf: cfg.ConfigOpts) -> None:
    for area in _AREAS:
        for section, opts in area.list_opts():
            for opt in opts:
                if not opt.secret:
                    values.read(conf, section, opt)


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options of all areas and of the libraries that they use."""
    for area in _AREAS:
        area.register_opts(conf)
    for group, opts in db_options.list_opts():
        conf.register_opts(opts, group)
    service_opts.register_service_opts(conf)
    reports_opts.set_defaults(conf)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return all options, for the sample file and the reference."""
    groups = [group for area in _AREAS for group in area.list_opts()]
    return [
        *groups,
        *energy_api.list_auth_opts(),
        *agent_secrets.list_opts(),
        *wattmeter.list_opts(),
    ]
