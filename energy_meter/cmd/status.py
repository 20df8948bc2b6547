# SPDX-License-Identifier: Apache-2.0

"""energy-meter-status: checks of an installation."""

import argparse
import collections.abc
import functools
import importlib.metadata
import sys
import typing

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.cmd import output
from energy_meter.conf import completion
from energy_meter.status import archive
from energy_meter.status import bus
from energy_meter.status import components
from energy_meter.status import configuration
from energy_meter.status import database
from energy_meter.status import days
from energy_meter.status import health
from energy_meter.status import identity
from energy_meter.status import marks

_PROG = 'energy-meter-status'
_DESCRIPTION = (
    'Check this installation, and report how to correct each problem. Changes '
    'nothing. The exit status is 0 for success, 1 for a warning and 2 for a '
    'failure.'
)
#: Exit status of oslo.upgradecheck if it cannot check.
_UNEXPECTED = 255

_Check = collections.abc.Callable[[cfg.ConfigOpts], upgradecheck.Result]

_Commands: typing.TypeAlias = (
    'argparse._SubParsersAction[argparse.ArgumentParser]'
)

_CHECKS: dict[str, _Check] = {
    'Configured components': components.check,
    'Configuration files': configuration.check,
    'Database revision': database.revision,
    'Bus secrets': bus.secrets,
    'Bus queues': bus.queues,
    'Keystone and API endpoints': identity.check,
    'Stale probes': database.stale_probes,
    'Rejected messages': database.rejections,
    'Clock synchronization': database.clocks,
    'Alarms of probes': database.probe_alarms,
    'Closed days': days.check,
    'Marks of the agent': marks.check,
    'RRD archive': archive.check,
}
#: Checks of the configuration, which does not change while services run.
_SETUP = {'Configured components', 'Configuration files', 'Bus secrets'}


class Checks(upgradecheck.UpgradeCommands):
    """The checks of ``energy-meter-status upgrade check``."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._upgrade_checks = tuple(
            (title, lambda _self, check=check: _run(check, conf))
            for title, check in _CHECKS.items()
        )


def _run(check: _Check, conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Run a check; an unexpected error must not hide the other results."""
    try:
        return check(conf)
    except exception.EnergyMeterError as error:
        details = str(error)
    except Exception as error:
        # Without its text, which can contain a URL with a password.
        details = (
            f'Unexpected error ({type(error).__name__}). Correct what the '
            'other checks report, and report a bug if this error remains.'
        )
    return upgradecheck.Result(upgradecheck.Code.FAILURE, details)


def _health(conf: cfg.ConfigOpts) -> int:
    """Print the health, and return the exit status."""
    if not components.is_configured(conf):
        print(health.unknown(components.check(conf).details))
        return health.State.UNKNOWN
    results = {
        title: _run(check, conf)
        for title, check in _CHECKS.items()
        if title not in _SETUP
    }
    write = health.as_json if conf.command.json else health.as_text
    print(write(results))
    return health.summarize(results)


def _add_commands(conf: cfg.ConfigOpts, commands: _Commands) -> None:
    upgrade = commands.add_parser(
        'upgrade', help='Check whether services can be started.'
    )
    upgrade.add_argument('check', choices=['check'])
    upgrade.set_defaults(action_fn=Checks(conf).check)
    monitoring = commands.add_parser(
        'health',
        help='Check services that run. The exit status is 0 for OK, 1 for '
        'WARNING, 2 for CRITICAL and 3 for UNKNOWN.',
    )
    monitoring.set_defaults(action_fn=functools.partial(_health, conf))
    for parser in upgrade, monitoring:
        parser.add_argument(
            '--json', action='store_true', help='print JSON instead of text'
        )


def main() -> None:
    """Run the checks."""
    output.ignore_closed_pipe()
    conf = completion.ConfigOpts()
    energy_meter_conf.register_opts(conf)
    conf.register_cli_opt(
        cfg.SubCommandOpt(
            'command', handler=functools.partial(_add_commands, conf)
        )
    )
    try:
        conf(
            sys.argv[1:],
            project='energy_meter',
            prog=_PROG,
            version=importlib.metadata.version('energy-meter'),
            description=_DESCRIPTION,
        )
        energy_meter_conf.check(conf)
    except (
        cfg.Error,
        OSError,
        UnicodeDecodeError,
        exception.EnergyMeterError,
    ) as error:
        # The arguments may not have been parsed.
        if 'health' in sys.argv:
            print(health.unknown(error))
            sys.exit(health.State.UNKNOWN)
        print(f'{_PROG}: {error}', file=sys.stderr)
        sys.exit(_UNEXPECTED)
    # The library reads --json from this variable. Its own main() would set it,
    # but supports neither a description nor another command.
    upgradecheck.CONF = conf
    sys.exit(upgradecheck.run(conf))
