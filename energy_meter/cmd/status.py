# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""energy-meter-status: is this installation ready for this release?"""

import sys

from oslo_config import cfg
from oslo_db import exception as db_exception
from oslo_upgradecheck import upgradecheck
import sqlalchemy as sa

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.db import engine
from energy_meter.db import migration

#: Secrets that stand in the documentation.
_EXAMPLES = {'current-secret', 'previous-secret'}


class Checks(upgradecheck.UpgradeCommands):
    """The checks of ``energy-meter-status upgrade check``."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._conf = conf

    def _check_database(self) -> upgradecheck.Result:
        try:
            database = engine.connect(self._conf)
            migration.version(database)
            migration.check(database)
        except exception.EnergyMeterError as error:
            return upgradecheck.Result(upgradecheck.Code.FAILURE, str(error))
        except (db_exception.DBError, sa.exc.SQLAlchemyError) as error:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE,
                f'The database can not be used ({type(error).__name__}): see '
                '[database] connection.')
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)

    def _check_secrets(self) -> upgradecheck.Result:
        secrets = self._conf.bus.secrets
        if not secrets:
            return upgradecheck.Result(
                upgradecheck.Code.FAILURE,
                'Set [bus] secrets, the same on every machine: without it no '
                'service starts.')
        if _EXAMPLES & set(secrets):
            return upgradecheck.Result(
                upgradecheck.Code.WARNING,
                '[bus] secrets has one from the documentation: everybody '
                'knows it. Make one with: openssl rand -hex 32')
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)

    _upgrade_checks = (
        ('Database revision', _check_database),
        ('Secrets of the bus', _check_secrets),
    )


def main() -> None:
    conf = cfg.ConfigOpts()
    energy_meter_conf.register_opts(conf)
    # By default the arguments are those of when the library was imported.
    sys.exit(upgradecheck.main(conf, project='energy_meter', argv=sys.argv[1:],
                               upgrade_command=Checks(conf)))
