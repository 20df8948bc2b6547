# SPDX-License-Identifier: Apache-2.0

"""The tables.

A probe's row holds its kWh in full: ``millijoules`` is what has been
credited to it by all its registers, and moves in the same statement as the
owner's register, which lives in the row too. So a reader needs one row, and
the collector's ordinary case one upsert.

Registers that are not, or not any longer, the owner have rows of their own.
"""

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql

metadata = sa.MetaData()


def _id(length: int) -> sa.types.TypeEngine[str]:
    # Compared and sorted by code point, trailing blanks included, on every
    # database alike.
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
# SQLite increments nothing but INTEGER PRIMARY KEY.
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')

#: One row a probe. ``owner_*`` is the register that is billed now;
#: ``elapsed``, ``metered`` (seconds) and ``millijoules`` are totals of all
#: that was credited; ``time`` is the agent's wall clock at the latest
#: reading; ``heard_at`` is the database's clock when the owner last moved.
probe = sa.Table(
    'probe',
    metadata,
    sa.Column('id', _id(190), primary_key=True),
    sa.Column('wattmeter', _id(190), nullable=False),
    sa.Column('driver', _id(190), nullable=False),
    sa.Column('scope', sa.String(32), nullable=False),
    sa.Column('host', _id(190), nullable=False),
    sa.Column('agent_name', _id(190), nullable=False),
    sa.Column('time', _DOUBLE, nullable=False),
    sa.Column('watts', _DOUBLE),
    sa.Column('volts', _DOUBLE),
    sa.Column('amperes', _DOUBLE),
    sa.Column('heard_at', _DOUBLE, nullable=False, index=True),
    sa.Column('millijoules', sa.BigInteger, nullable=False),
    sa.Column('elapsed', _DOUBLE, nullable=False),
    sa.Column('metered', _DOUBLE, nullable=False),
    sa.Column('owner_agent', _id(36), nullable=False),
    sa.Column('owner_register', _id(16), nullable=False),
    sa.Column('owner_incarnation', sa.BigInteger, nullable=False),
    sa.Column('owner_began', _DOUBLE, nullable=False),
    sa.Column('owner_billed_from', _DOUBLE, nullable=False),
    sa.Column('owner_overlap', sa.BigInteger, nullable=False),
    sa.Column('owner_millijoules', sa.BigInteger, nullable=False),
    sa.Column('owner_metered', _DOUBLE, nullable=False),
    sa.Column('owner_elapsed', _DOUBLE, nullable=False),
)

#: Registers of a probe other than its owner. ``overlap`` and ``pending`` are
#: millijoules that were not credited; ``pending`` counts as overlap once the
#: owner's elapsed time differs from ``pending_mark``. ``began`` and
#: ``billed_from`` are moments on the wall clock; a register that was never
#: credited has no ``billed_from``.
register = sa.Table(
    'register',
    metadata,
    sa.Column('probe', _id(190), primary_key=True),
    sa.Column('agent', _id(36), primary_key=True),
    sa.Column('register', _id(16), primary_key=True),
    sa.Column('incarnation', sa.BigInteger, nullable=False),
    sa.Column('began', _DOUBLE, nullable=False),
    sa.Column('elapsed', _DOUBLE, nullable=False),
    sa.Column('metered', _DOUBLE, nullable=False),
    sa.Column('millijoules', sa.BigInteger, nullable=False),
    sa.Column('overlap', sa.BigInteger, nullable=False),
    sa.Column('pending', sa.BigInteger, nullable=False),
    sa.Column('pending_mark', _DOUBLE, nullable=False),
    sa.Column('billed_from', _DOUBLE),
    sa.Column('heard_at', _DOUBLE, nullable=False, index=True),
    sa.Column('voided', sa.Boolean, nullable=False, default=False),
)

#: Incarnations of an agent up to this one have been folded into the probe:
#: words of registers that are not known any longer are refused.
floor = sa.Table(
    'floor',
    metadata,
    sa.Column('probe', _id(190), primary_key=True),
    sa.Column('agent', _id(36), primary_key=True),
    sa.Column('incarnation', sa.BigInteger, nullable=False),
)

#: Probes that are the sum of others; never a register of their own.
sum_probe = sa.Table(
    'sum_probe',
    metadata,
    sa.Column('id', _id(190), primary_key=True),
    sa.Column('host', _id(190), nullable=False),
)

#: What a sum consists of: of each part what it was credited since it joined,
#: ``joined_at`` millijoules, and ``settled`` of the times before it left.
sum_part = sa.Table(
    'sum_part',
    metadata,
    sa.Column('sum', _id(190), primary_key=True),
    sa.Column('part', _id(190), primary_key=True),
    sa.Column('active', sa.Boolean, nullable=False),
    sa.Column('joined_at', sa.BigInteger, nullable=False),
    sa.Column('settled', sa.BigInteger, nullable=False),
)

#: The project that pays for a probe, or for a sum, and since when: the
#: database's clock.
probe_project = sa.Table(
    'probe_project',
    metadata,
    sa.Column('probe', _id(190), primary_key=True),
    sa.Column('project_id', _id(190), nullable=False),
    sa.Column('since', _DOUBLE, nullable=False),
)

#: Agents of whom no word is merged any more, and what they were called.
exclusion = sa.Table(
    'exclusion',
    metadata,
    sa.Column('agent', _id(36), primary_key=True),
    sa.Column('agent_name', _id(190)),
    sa.Column('at', _DOUBLE, nullable=False),
)

#: What collectors refused, how often in all, and when last.
refusal = sa.Table(
    'refusal',
    metadata,
    sa.Column('what', sa.String(64), primary_key=True),
    sa.Column('number', sa.BigInteger, nullable=False),
    sa.Column('at', _DOUBLE, nullable=False),
)

#: What operators changed by hand.
audit = sa.Table(
    'audit',
    metadata,
    sa.Column('id', _SERIAL, primary_key=True),
    sa.Column('at', _DOUBLE, nullable=False),
    sa.Column('who', sa.String(190), nullable=False),
    sa.Column('what', sa.Text, nullable=False),
)

#: Measurements that the database refused, as ASCII JSON.
quarantine = sa.Table(
    'quarantine',
    metadata,
    sa.Column('id', _SERIAL, primary_key=True),
    sa.Column('at', _DOUBLE, nullable=False),
    sa.Column('reason', sa.Text, nullable=False),
    sa.Column('measurement', sa.Text, nullable=False),
)
