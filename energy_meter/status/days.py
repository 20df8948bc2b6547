# SPDX-License-Identifier: Apache-2.0

"""Check of closed days."""

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck
import sqlalchemy as sa

from energy_meter.db import closed_days
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.status import database

#: Age at which a day must be closed: no register is waited for any longer than
#: three days, and a collector looks every minute.
_MAX_OPEN_MS = 76 * 3_600_000
#: Age at which a change of a closed day must have made a new version.
_MAX_CHANGED_MS = 3_600_000


@database.check_contents
def check(
    connection: sa.Connection, _conf: cfg.ConfigOpts
) -> upgradecheck.Result:
    """Check that days are closed, and written again after changes."""
    due = db_engine.clock() - _MAX_OPEN_MS - closed_days.DAY_MS
    probe, register, changed = (
        schema.probe,
        schema.register,
        schema.changed_day,
    )
    opened = register.c.first_timestamp - register.c.first_elapsed
    is_never_closed = sa.exists().where(
        probe.c.closed_until.is_(None),
        register.c.probe == probe.c.id,
        register.c.role != schema.Role.UNBILLED,
        ~register.c.voided,
        opened < due - closed_days.DAY_MS,
    )
    is_open = sa.or_(probe.c.closed_until <= due, is_never_closed)
    is_old = changed.c.changed_at < db_engine.clock() - _MAX_CHANGED_MS
    reports = [
        f'{problem} of {database.enumerate_names(names)}.'
        for problem, names in (
            (
                'Days that should be closed',
                _names(connection, probe.c.id, is_open),
            ),
            (
                'Closed days that changed',
                _names(connection, changed.c.probe, is_old),
            ),
        )
        if names
    ]
    if not reports:
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)
    return upgradecheck.Result(
        upgradecheck.Code.WARNING,
        f'{" ".join(reports)} Check that a collector is running, and its log. '
        'Reasons: energy-meter-manage day list PROBE',
    )


def _names(
    connection: sa.Connection,
    column: sa.Column[str],
    condition: sa.ColumnElement[bool],
) -> list[str]:
    query = sa.select(column).distinct().where(condition).order_by(column)
    return list(connection.scalars(query))
