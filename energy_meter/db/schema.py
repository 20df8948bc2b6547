# SPDX-License-Identifier: Apache-2.0

"""Tables of the database.

Each register has a row, which the collector's common case, a single upsert,
advances. The row of a probe names the register whose values are added to what
is settled of all others, so readers need two rows of a probe, however many
registers it has had.

Times are integers in ms, energies integers in mJ.
"""

import enum

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
# Names in some scripts make a layout longer than MariaDB's BLOB.
_LONG_BINARY: sa.types.TypeEngine[bytes] = sa.LargeBinary().with_variant(
    mysql.MEDIUMBLOB(), 'mysql', 'mariadb'
)
# SQLite increments only INTEGER PRIMARY KEY.
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')

#: Probes. ``base_*`` is the energy in mJ, and the metered and elapsed time in
#: ms, of all registers except ``tip``, without what is overlap. ``tip`` is the
#: number of the register that can advance without a change to any other
#: register's share; its values are added to ``base_*``. It is null as long as
#: several registers cover the same time. While the probe is ``contested``,
#: changes of other registers wait to be settled. ``overlap_*`` are the sums of
#: table ``overlap``. ``shown`` is the largest energy that was shown without a
#: tip or before the last settling, ``displayed`` the number of the register
#: whose power is shown if there is no tip, ``plural`` whether the registers
#: form more than one line, ``settled_at`` 0 before the first one is billed,
#: ``alarms`` a list of names, separated by blanks, and ``closed_until`` the
#: date in ms before which all UTC days are closed; null if none is. If its
#: ``quantity`` (:class:`Quantity`) is CPU time, milliseconds of it take the
#: place of millijoules in all tables.
probe = sa.Table(
    'probe',
    metadata,
    sa.Column('id', _id(190), primary_key=True),
    sa.Column('tip', sa.BigInteger),
    sa.Column('base_millijoules', sa.BigInteger, nullable=False),
    sa.Column('base_metered', sa.BigInteger, nullable=False),
    sa.Column('base_elapsed', sa.BigInteger, nullable=False),
    sa.Column('overlap_millijoules', sa.BigInteger, nullable=False),
    sa.Column('overlap_metered', sa.BigInteger, nullable=False),
    sa.Column('overlap_elapsed', sa.BigInteger, nullable=False),
    sa.Column('shown', sa.BigInteger, nullable=False),
    sa.Column('contested', sa.Boolean, nullable=False),
    sa.Column('plural', sa.Boolean, nullable=False),
    sa.Column('displayed', sa.BigInteger),
    sa.Column('settled_at', sa.BigInteger, nullable=False),
    sa.Column('alarms', sa.String(190), nullable=False),
    sa.Column('closed_until', sa.BigInteger),
    sa.Column(
        'quantity',
        sa.SmallInteger,
        nullable=False,
        server_default=sa.text('0'),
    ),
)


class Quantity(enum.IntEnum):
    """What a probe measures; it never changes."""

    ENERGY = 0
    CPU_TIME = 1


#: Registers. A row is never deleted. ``number`` is derived from probe, agent
#: and register ID (see :func:`energy_meter.db.numbers.number`). Columns up to
#: ``metered`` are joins of all measurements, in mJ and ms. Those from
#: ``wattmeter`` to ``last_seen_at`` belong to the measurement of elapsed time
#: ``live_elapsed``, the largest that is not a mark (-1: only marks arrived).
#: ``role`` (:class:`Role`) states which changes must be settled, and ``dirty``
#: (:class:`Dirty`) whether there was one. ``settled_until`` is the elapsed
#: time up to which the curve is settled, or up to which that of closed days is
#: (0 for other lines), and ``opened`` the date of opening for which it is.
#: ``base_*`` is the last point before the horizon once older marks were
#: purged, and ``pinned_opened`` the date of opening once a day was closed.
register = sa.Table(
    'register',
    metadata,
    sa.Column('number', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('probe', _id(190), nullable=False, index=True),
    sa.Column('agent', _id(36), nullable=False),
    sa.Column('register', _id(16), nullable=False),
    sa.Column('after_register', _id(16)),
    sa.Column('after_elapsed', sa.BigInteger),
    sa.Column('first_elapsed', sa.BigInteger, nullable=False),
    sa.Column('first_timestamp', sa.BigInteger, nullable=False),
    sa.Column('synced', sa.Boolean, nullable=False),
    sa.Column('lag0', sa.BigInteger, nullable=False),
    sa.Column('lag1', sa.BigInteger, nullable=False),
    sa.Column('lag2', sa.BigInteger, nullable=False),
    sa.Column('lag3', sa.BigInteger, nullable=False),
    sa.Column('lag4', sa.BigInteger, nullable=False),
    sa.Column('elapsed', sa.BigInteger, nullable=False),
    sa.Column('millijoules', sa.BigInteger, nullable=False),
    sa.Column('metered', sa.BigInteger, nullable=False),
    sa.Column('wattmeter', _id(190), nullable=False),
    sa.Column('driver', _id(190), nullable=False),
    sa.Column('scope', sa.String(32), nullable=False),
    sa.Column('host', _id(190), nullable=False),
    sa.Column('agent_name', _id(190), nullable=False),
    sa.Column('live_elapsed', sa.BigInteger, nullable=False),
    sa.Column('timestamp', sa.BigInteger, nullable=False),
    sa.Column('watts', _DOUBLE),
    sa.Column('volts', _DOUBLE),
    sa.Column('amperes', _DOUBLE),
    sa.Column('last_seen_at', sa.BigInteger, nullable=False),
    sa.Column('role', sa.SmallInteger, nullable=False),
    sa.Column('dirty', sa.SmallInteger, nullable=False),
    sa.Column('settled_until', sa.BigInteger, nullable=False),
    sa.Column('opened', sa.BigInteger),
    sa.Column('base_elapsed', sa.BigInteger, nullable=False),
    sa.Column('base_millijoules', sa.BigInteger, nullable=False),
    sa.Column('base_metered', sa.BigInteger, nullable=False),
    sa.Column('pinned_opened', sa.BigInteger),
    sa.Column('voided', sa.Boolean, nullable=False),
)


class Role(enum.IntEnum):
    """Which changes of a register must be settled.

    ``UNBILLED``: any. It is in no sum yet, or dated before the horizon.
    ``SETTLED``: any. ``SOLE``: only marks in closed days; it is the tip of a
    probe whose registers form one line. ``WATCHED``: all except that it
    advances; it is the tip of a probe with several lines, or one of which the
    opening may still move into closed days.
    """

    SETTLED = 0
    SOLE = 1
    WATCHED = 2
    UNBILLED = 3


class Dirty(enum.IntEnum):
    """Whether a change of a register must be settled.

    ``CHANGED``: one transaction changed it since. ``WAITING``: several did.
    """

    CLEAN = 0
    CHANGED = 1
    WAITING = 2


#: Marks: points of the registers' curves, in ms and mJ. ``slot`` is the number
#: of the quarter-hour of the mark's timestamp. It leads the key, so that the
#: marks of all registers at one time are neighbors.
mark = sa.Table(
    'mark',
    metadata,
    sa.Column('slot', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column(
        'register', sa.BigInteger, primary_key=True, autoincrement=False
    ),
    sa.Column('elapsed', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('millijoules', sa.BigInteger, nullable=False),
    sa.Column('metered', sa.BigInteger, nullable=False),
)

#: Vectors of the marks of registers of CPU time: ``packed`` are the values
#: (:mod:`energy_meter.db.usage_marks`), ``layout`` what they belong to. Unlike
#: the marks, they stay for good, and so do the layouts.
usage_mark = sa.Table(
    'usage_mark',
    metadata,
    sa.Column(
        'register', sa.BigInteger, primary_key=True, autoincrement=False
    ),
    sa.Column('elapsed', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('layout', sa.BigInteger, nullable=False),
    sa.Column('packed', sa.LargeBinary, nullable=False),
)

#: Vector of the measurement of the largest elapsed time that is not a mark.
usage_latest = sa.Table(
    'usage_latest',
    metadata,
    sa.Column(
        'register', sa.BigInteger, primary_key=True, autoincrement=False
    ),
    sa.Column('elapsed', sa.BigInteger, nullable=False),
    sa.Column('layout', sa.BigInteger, nullable=False),
    sa.Column('packed', sa.LargeBinary, nullable=False),
)

#: Layouts of vectors. ``id`` is a hash of the content.
usage_layout = sa.Table(
    'usage_layout',
    metadata,
    sa.Column('id', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('packed', _LONG_BINARY, nullable=False),
)

#: Energy in mJ, and time in ms, of a register in one cell (its start in ms)
#: that another register is billed for.
overlap = sa.Table(
    'overlap',
    metadata,
    sa.Column('probe', _id(190), primary_key=True),
    sa.Column('cell', sa.BigInteger, primary_key=True),
    sa.Column('register', sa.BigInteger, primary_key=True),
    sa.Column('millijoules', sa.BigInteger, nullable=False),
    sa.Column('metered', sa.BigInteger, nullable=False),
    sa.Column('elapsed', sa.BigInteger, nullable=False),
)

#: Marks of a register on one UTC day (its number since the epoch), packed
#: (:mod:`energy_meter.db.packing`), and the energy up to its last mark.
profile_day = sa.Table(
    'profile_day',
    metadata,
    sa.Column(
        'register', sa.BigInteger, primary_key=True, autoincrement=False
    ),
    sa.Column('day', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('version', sa.Integer, primary_key=True, autoincrement=False),
    sa.Column('packed', sa.LargeBinary, nullable=False),
    sa.Column('millijoules', sa.BigInteger, nullable=False),
)

#: Versions of closed days: what was billed of a probe on a UTC day (its number
#: since the epoch) when it was closed, version 1, and after each change. They
#: are never changed. ``packed`` are its quarter-hours
#: (:mod:`energy_meter.db.closed_days`), ``uncertain_start`` and
#: ``uncertain_end`` the energies in mJ that may belong to the other side of
#: midnight, and ``clock`` a :class:`~energy_meter.billing.profile.Clock`. A
#: day that is not ``complete`` was closed although measurements were missing.
#: ``reason`` is why the version was written, ``username`` who caused it, empty
#: for a collector.
closed_day = sa.Table(
    'closed_day',
    metadata,
    sa.Column('day', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('probe', _id(190), primary_key=True),
    sa.Column('version', sa.Integer, primary_key=True, autoincrement=False),
    sa.Column('closed_at', sa.BigInteger, nullable=False),
    sa.Column('complete', sa.Boolean, nullable=False),
    sa.Column('reason', sa.String(190), nullable=False),
    sa.Column('username', sa.String(190), nullable=False),
    sa.Column('millijoules', sa.BigInteger, nullable=False),
    sa.Column('metered', sa.BigInteger, nullable=False),
    sa.Column('uncertain_start', sa.BigInteger, nullable=False),
    sa.Column('uncertain_end', sa.BigInteger, nullable=False),
    sa.Column('clock', sa.SmallInteger, nullable=False),
    sa.Column('packed', sa.LargeBinary, nullable=False),
)

#: Closed days of probes whose energy, or CPU time, is to be attributed to
#: instances. ``closed_at`` is that of the version.
due_attribution = sa.Table(
    'due_attribution',
    metadata,
    sa.Column('probe', _id(190), primary_key=True),
    sa.Column('day', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('closed_at', sa.BigInteger, nullable=False),
)

#: Versions of attributed days: to what the energy of a host on a closed UTC
#: day was attributed. They are never changed. ``inputs`` are the versions of
#: the closed days that they were computed from, ``scope`` is that of the
#: host's energy, ``threads`` and ``memory`` (in MiB) are those of the host on
#: that day, ``idle_watts`` its power when it is idle, ``idle_source`` where
#: that comes from, and ``packed`` its quarter-hours
#: (:mod:`energy_meter.db.attributed_packing`).
attributed_day = sa.Table(
    'attributed_day',
    metadata,
    sa.Column('day', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('host', _id(190), primary_key=True),
    sa.Column('version', sa.Integer, primary_key=True, autoincrement=False),
    sa.Column('closed_at', sa.BigInteger, nullable=False),
    sa.Column('inputs', sa.Text, nullable=False),
    sa.Column('scope', sa.String(190), nullable=False),
    sa.Column('method', sa.String(190), nullable=False),
    sa.Column('method_version', sa.Integer, nullable=False),
    sa.Column('threads', sa.Integer, nullable=False),
    sa.Column('memory', sa.BigInteger, nullable=False),
    sa.Column('idle_watts', _DOUBLE, nullable=False),
    sa.Column('idle_source', sa.String(32), nullable=False),
    sa.Column('packed', sa.LargeBinary, nullable=False),
)

#: Instances of attributed days: energies in mJ, times in ms, all of the day
#: and packed in quarter-hours. ``present`` is the time on the host.
instance_day = sa.Table(
    'instance_day',
    metadata,
    sa.Column('day', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('host', _id(190), primary_key=True),
    sa.Column('version', sa.Integer, primary_key=True, autoincrement=False),
    sa.Column('instance', _id(36), primary_key=True),
    sa.Column('name', _id(190), nullable=False),
    sa.Column('project', _id(190), nullable=False),
    sa.Column('project_name', _id(64), nullable=False),
    sa.Column('user', _id(190), nullable=False),
    sa.Column('idle', sa.BigInteger, nullable=False),
    sa.Column('dynamic', sa.BigInteger, nullable=False),
    sa.Column('uncertain', sa.BigInteger, nullable=False),
    sa.Column('metered', sa.BigInteger, nullable=False),
    sa.Column('present', sa.BigInteger, nullable=False),
    sa.Column('device', sa.BigInteger, nullable=False),
    sa.Column('packed', sa.LargeBinary, nullable=False),
    sa.Index('ix_instance_day_instance', 'instance', 'day'),
    sa.Index('ix_instance_day_project', 'project', 'day'),
)

#: Closed days that changed since and need a new version, and why.
changed_day = sa.Table(
    'changed_day',
    metadata,
    sa.Column('probe', _id(190), primary_key=True),
    sa.Column('day', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('changed_at', sa.BigInteger, nullable=False),
    sa.Column('reason', sa.String(190), nullable=False),
    sa.Column('username', sa.String(190), nullable=False),
)

#: Sums of other probes. They have no registers of their own.
sum_probe = sa.Table(
    'sum_probe',
    metadata,
    sa.Column('id', _id(190), primary_key=True),
    sa.Column('host', _id(190), nullable=False),
)

#: Spans of time in which a probe, ``member``, is part of a sum, or billed to
#: a project, ``whole``; ``kind`` is ``sum`` or ``project``. ``since`` and
#: ``until`` are boundaries of cells in ms. ``joined_shown`` and ``left_shown``
#: are the energies in mJ that the member showed when the change was made.
#: ``until`` and ``left_shown`` are null for a current member. ``changed``
#: numbers all changes. Two collectors that begin the same span at the same
#: time violate the key; one retries.
membership = sa.Table(
    'membership',
    metadata,
    sa.Column('member', _id(190), primary_key=True),
    sa.Column('kind', _id(16), primary_key=True),
    sa.Column('whole', _id(190), primary_key=True),
    sa.Column('since', sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column('until', sa.BigInteger),
    sa.Column('joined_shown', sa.BigInteger, nullable=False),
    sa.Column('left_shown', sa.BigInteger),
    sa.Column(
        'changed',
        sa.BigInteger,
        nullable=False,
        server_default=sa.text('0'),
    ),
)

#: Agents whose measurements are rejected.
disabled_agent = sa.Table(
    'disabled_agent',
    metadata,
    sa.Column('agent', _id(36), primary_key=True),
    sa.Column('agent_name', _id(190)),
    sa.Column('created_at', sa.BigInteger, nullable=False),
)

#: Number of rejections by all collectors, by reason and agent. The name of the
#: agent is empty if it is not known for sure.
rejection = sa.Table(
    'rejection',
    metadata,
    sa.Column('reason', sa.String(64), primary_key=True),
    sa.Column('agent', _id(190), primary_key=True),
    sa.Column('count', sa.BigInteger, nullable=False),
    sa.Column('last_seen_at', sa.BigInteger, nullable=False),
)

#: Audit trail of operators' changes.
audit = sa.Table(
    'audit',
    metadata,
    sa.Column('id', _SERIAL, primary_key=True),
    sa.Column('created_at', sa.BigInteger, nullable=False),
    sa.Column('username', sa.String(190), nullable=False),
    sa.Column('action', sa.Text, nullable=False),
)

#: Measurements that the database rejected, as ASCII JSON.
quarantine = sa.Table(
    'quarantine',
    metadata,
    sa.Column('id', _SERIAL, primary_key=True),
    sa.Column('created_at', sa.BigInteger, nullable=False),
    sa.Column('reason', sa.Text, nullable=False),
    sa.Column('measurement', sa.Text, nullable=False),
)
