# SPDX-License-Identifier: Apache-2.0

"""Tables of the database.

The row of a probe contains its total energy, ``millijoules``, and the register
that is its owner. One statement updates both, so readers need a single row,
and the collector's common case a single upsert.

All other registers have rows of their own.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql

metadata = sa.MetaData()


def _id(length: int) -> sa.types.TypeEngine[str]:
    # Compare and sort by code point, including trailing blanks, on every
    # database.
    nopad = mysql.VARCHAR(
        length, charset='utf8mb4', collation='utf8mb4_nopad_bin'
    )
    return (
        sa.String(length)
        .with_variant(postgresql.VARCHAR(length, collation='C'), 'postgresql')
        .with_variant(nopad, 'mysql', 'mariadb')
    )


# MariaDB's FLOAT has too few digits for a timestamp.
_DOUBLE: sa.types.TypeEngine[float] = sa.Double().with_variant(
    mysql.DOUBLE(asdecimal=False), 'mysql', 'mariadb'
)
# SQLite increments only INTEGER PRIMARY KEY.
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')

#: Probes. ``owner_*`` is the register that is billed now. ``elapsed`` and
#: ``metered_seconds``, both in seconds, and ``millijoules`` are totals of all
#: billed registers. ``timestamp`` is the agent's wall-clock time of the latest
#: measurement, ``last_seen_at`` the time of the owner's last update on the
#: database's clock.
probe = sa.Table(
    'probe',
    metadata,
    sa.Column('id', _id(190), primary_key=True),
    sa.Column('wattmeter', _id(190), nullable=False),
    sa.Column('driver', _id(190), nullable=False),
    sa.Column('scope', sa.String(32), nullable=False),
    sa.Column('host', _id(190), nullable=False),
    sa.Column('agent_name', _id(190), nullable=False),
    sa.Column('timestamp', _DOUBLE, nullable=False),
    sa.Column('watts', _DOUBLE),
    sa.Column('volts', _DOUBLE),
    sa.Column('amperes', _DOUBLE),
    sa.Column('last_seen_at', _DOUBLE, nullable=False, index=True),
    sa.Column('millijoules', sa.BigInteger, nullable=False),
    sa.Column('elapsed', _DOUBLE, nullable=False),
    sa.Column('metered_seconds', _DOUBLE, nullable=False),
    sa.Column('owner_agent', _id(36), nullable=False),
    sa.Column('owner_register', _id(16), nullable=False),
    sa.Column('owner_incarnation', sa.BigInteger, nullable=False),
    sa.Column('owner_opened_at', _DOUBLE, nullable=False),
    sa.Column('owner_billed_from', _DOUBLE, nullable=False),
    sa.Column('owner_overlap', sa.BigInteger, nullable=False),
    sa.Column('owner_millijoules', sa.BigInteger, nullable=False),
    sa.Column('owner_metered_seconds', _DOUBLE, nullable=False),
    sa.Column('owner_elapsed', _DOUBLE, nullable=False),
)

#: Registers of a probe other than its owner. ``overlap`` and ``pending`` are
#: energies in millijoules that are not billed; ``pending`` counts as overlap
#: once the owner's elapsed time differs from ``pending_mark``. ``opened_at``
#: and ``billed_from`` are wall-clock times; ``billed_from`` is null for a
#: register that was never billed.
register = sa.Table(
    'register',
    metadata,
    sa.Column('probe', _id(190), primary_key=True),
    sa.Column('agent', _id(36), primary_key=True),
    sa.Column('register', _id(16), primary_key=True),
    sa.Column('incarnation', sa.BigInteger, nullable=False),
    sa.Column('opened_at', _DOUBLE, nullable=False),
    sa.Column('elapsed', _DOUBLE, nullable=False),
    sa.Column('metered_seconds', _DOUBLE, nullable=False),
    sa.Column('millijoules', sa.BigInteger, nullable=False),
    sa.Column('overlap', sa.BigInteger, nullable=False),
    sa.Column('pending', sa.BigInteger, nullable=False),
    sa.Column('pending_mark', _DOUBLE, nullable=False),
    sa.Column('billed_from', _DOUBLE),
    sa.Column('last_seen_at', _DOUBLE, nullable=False, index=True),
    sa.Column('voided', sa.Boolean, nullable=False, default=False),
)

#: Incarnation of an agent up to which its registers have been folded into the
#: probe. Measurements of these incarnations are rejected.
floor = sa.Table(
    'floor',
    metadata,
    sa.Column('probe', _id(190), primary_key=True),
    sa.Column('agent', _id(36), primary_key=True),
    sa.Column('incarnation', sa.BigInteger, nullable=False),
)

#: Sums of other probes. They have no registers of their own.
sum_probe = sa.Table(
    'sum_probe',
    metadata,
    sa.Column('id', _id(190), primary_key=True),
    sa.Column('host', _id(190), nullable=False),
)

#: Parts of sums. An active part adds its energy since it joined the sum, at
#: ``joined_millijoules``, to ``settled``, the energy in millijoules of the
#: periods that ended when it left.
sum_part = sa.Table(
    'sum_part',
    metadata,
    sa.Column('sum', _id(190), primary_key=True),
    sa.Column('part', _id(190), primary_key=True),
    sa.Column('active', sa.Boolean, nullable=False),
    sa.Column('joined_millijoules', sa.BigInteger, nullable=False),
    sa.Column('settled', sa.BigInteger, nullable=False),
)

#: Project that is billed for a probe or a sum, since a time on the database's
#: clock.
probe_project = sa.Table(
    'probe_project',
    metadata,
    sa.Column('probe', _id(190), primary_key=True),
    sa.Column('project_id', _id(190), nullable=False),
    sa.Column('since', _DOUBLE, nullable=False),
)

#: Agents whose measurements are rejected.
disabled_agent = sa.Table(
    'disabled_agent',
    metadata,
    sa.Column('agent', _id(36), primary_key=True),
    sa.Column('agent_name', _id(190)),
    sa.Column('created_at', _DOUBLE, nullable=False),
)

#: Number of rejections by all collectors, by reason.
rejection = sa.Table(
    'rejection',
    metadata,
    sa.Column('reason', sa.String(64), primary_key=True),
    sa.Column('count', sa.BigInteger, nullable=False),
    sa.Column('last_seen_at', _DOUBLE, nullable=False),
)

#: Audit trail of operators' changes.
audit = sa.Table(
    'audit',
    metadata,
    sa.Column('id', _SERIAL, primary_key=True),
    sa.Column('created_at', _DOUBLE, nullable=False),
    sa.Column('username', sa.String(190), nullable=False),
    sa.Column('action', sa.Text, nullable=False),
)

#: Measurements that the database rejected, as ASCII JSON.
quarantine = sa.Table(
    'quarantine',
    metadata,
    sa.Column('id', _SERIAL, primary_key=True),
    sa.Column('created_at', _DOUBLE, nullable=False),
    sa.Column('reason', sa.Text, nullable=False),
    sa.Column('measurement', sa.Text, nullable=False),
)
