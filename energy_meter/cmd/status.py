# SPDX-License-Identifier: Apache-2.0

"""energy-meter-status: is this installation ready for this release?"""

import collections.abc
import importlib.metadata
import sys

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.status import bus
from energy_meter.status import database
from energy_meter.status import identity

_PROG = 'energy-meter-status'
_DESCRIPTION = (
    'Check whether this installation is ready for this release, and say what '
    'to do where it is not. Nothing is changed. Exits with 0 if all is well, '
    'with 1 for a warning, with 2 for a failure.'
)
#: What oslo.upgradecheck exits with if it can not check.
_UNEXPECTED = 255

_Check = collections.abc.Callable[[cfg.ConfigOpts], upgradecheck.Result]

_CHECKS: dict[str, _Check] = {
    'Database revision': database.revision,
    'Secrets of the bus': bus.secrets,
    'Buses and their queues': bus.queues,
    'Keystone and the endpoint of the API': identity.check,
    'Silent probes': database.silent_probes,
    'Refused messages': database.refusals,
    'Clocks': database.clocks,
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
    """Run a check; one that breaks must not hide what the others found."""
    try:
        return check(conf)
    except exception.EnergyMeterError as error:
        details = str(error)
    except Exception as error:
        # Its text may have a URL with a password.
        details = (
            f'It broke ({type(error).__name__}). Look after what the '
            'other checks say, and report a bug if it breaks again.'
        )
    return upgradecheck.Result(upgradecheck.Code.FAILURE, details)


def main() -> None:
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
    # Where the library looks for --json. Its own main would set it, but lets
    # nobody describe the command.
    upgradecheck.CONF = conf
    sys.exit(upgradecheck.run(conf))
