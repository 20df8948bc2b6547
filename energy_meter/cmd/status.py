# SPDX-License-Identifier: Apache-2.0

"""energy-meter-status: checks of an installation."""

import collections.abc
import importlib.metadata
import sys

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.cmd import output
from energy_meter.status import archive
from energy_meter.status import bus
from energy_meter.status import database
from energy_meter.status import days
from energy_meter.status import identity
from energy_meter.status import marks

_PROG = 'energy-meter-status'
_DESCRIPTION = (
    'Check whether this installation is ready for this release, and report '
    'how to correct what is not. Changes nothing. The exit status is 0 for '
    'success, 1 for a warning and 2 for a failure.'
)
#: Exit status of oslo.upgradecheck if it cannot check.
_UNEXPECTED = 255

_Check = collections.abc.Callable[[cfg.ConfigOpts], upgradecheck.Result]

_CHECKS: dict[str, _Check] = {
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


def main() -> None:
    """Run the checks."""
    output.ignore_closed_pipe()
    conf = cfg.ConfigOpts()
    energy_meter_conf.register_opts(conf)
    upgradecheck.register_cli_options(conf, Checks(conf))
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
        print(f'{_PROG}: {error}', file=sys.stderr)
        sys.exit(_UNEXPECTED)
    # The library reads --json from this variable. Its own main() would set it,
    # but does not support a description of the command.
    upgradecheck.CONF = conf
    sys.exit(upgradecheck.run(conf))
