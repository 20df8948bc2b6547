# SPDX-License-Identifier: Apache-2.0

"""Measurements that a gateway writes to a database.

The operator's query returns one row for each probe, with the columns

``probe``
    the gateway's name of the channel,
``watts``
    its power in W, and/or
``kwh``
    its energy counter in kWh, and optionally
``time``
    when it was measured: a timestamp or seconds since the epoch.

NULL means that a value is unavailable. Without ``time``, a current row cannot
be distinguished from one that a stopped gateway left behind.
"""

import collections
import collections.abc
import contextlib
import operator
import typing
import urllib.parse

from oslo_config import cfg
from oslo_log import log as logging
import sqlalchemy
from sqlalchemy import exc

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import device_clock
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.common import units

LOG = logging.getLogger(__name__)

COLUMNS = ('probe', 'watts', 'kwh', 'time')

Row = collections.abc.Mapping[str, typing.Any]


def _timeouts(url: sqlalchemy.URL, seconds: float) -> dict[str, object]:
    """Return the connection arguments that limit the driver's waiting time.

    For database drivers that are not listed here, the operator sets them in
    the URL.
    """
    whole = max(round(seconds), 1)
    milliseconds = round(1000 * seconds)
    arguments: dict[str, dict[str, object]] = {
        'pymysql': {
            'connect_timeout': whole,
            'read_timeout': whole,
            'write_timeout': whole,
        },
        # statement_timeout makes the server end a long query. The others
        # detect a dead server.
        'psycopg': {
            'connect_timeout': whole,
            'options': f'-c statement_timeout={milliseconds}',
            'tcp_user_timeout': milliseconds,
            'keepalives_idle': whole,
            'keepalives_interval': whole,
            'keepalives_count': 2,
        },
        'pysqlite': {'timeout': seconds},
    }
    return arguments.get(url.get_driver_name(), {})


def _existing_file(url: sqlalchemy.URL) -> sqlalchemy.URL:
    """Return a URL with which SQLite does not create a missing file.

    An empty database in place of a missing one would hide the wrong path, and
    be in the way of the gateway that creates it.
    """
    if (
        url.get_driver_name() != 'pysqlite'
        or url.database in (None, '', ':memory:')
        or 'mode' in url.query
    ):
        return url
    path = str(url.database)
    if not path.startswith('file:'):
        path = f'file:{urllib.parse.quote(path)}'
    return url.set(database=path).update_query_dict(
        {'mode': 'rw', 'uri': 'true'}
    )


def _abandon(
    connection: sqlalchemy.Connection,
    result: sqlalchemy.CursorResult[typing.Any],
) -> None:
    """End a connection without receiving the rest of a result."""
    unread: typing.Any = getattr(result.cursor, '_result', None)
    if hasattr(unread, 'unbuffered_active'):
        # pymysql would try to receive it even after the connection has ended.
        unread.unbuffered_active = False
    connection.invalidate()


class SQL(base.Driver):
    """Runs the operator's query and reads its rows."""

    scope = 'outlet'
    opts = (
        cfg.StrOpt(
            'url',
            secret=True,
            required=True,
            help='SQLAlchemy URL of the database, with its driver: '
            'mysql+pymysql://USER:PASSWORD@HOST/DATABASE or '
            'postgresql+psycopg://...',
        ),
        cfg.StrOpt(
            'query',
            required=True,
            help='SELECT that returns one row for each probe, with the '
            'columns probe, watts and/or kwh, and optionally time.',
        ),
        cfg.ListOpt(
            'channels',
            default=[],
            help='Value of the column probe for each probe, in the order '
            'of the probes. The default is the IDs of the probes.',
        ),
        cfg.FloatOpt(
            'max_age',
            default=120.0,
            min=0.1,
            help='Maximum age in seconds of a row with a time. Older rows '
            'are stale and not read.',
        ),
        cfg.FloatOpt(
            'kwh_step',
            default=0.001,
            min=1e-9,
            help='Smallest increment of kwh.',
        ),
        cfg.FloatOpt(
            'timeout',
            default=10.0,
            min=0.1,
            help='Maximum time in seconds to wait for the database.',
        ),
    )

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._channels: dict[str, str] = {}
        self._probe_reader = per_probe.ProbeReader(LOG)
        self._energy = units.EnergyScale('kWh', options.kwh_step)
        self._resources = contextlib.ExitStack()

    def open(self) -> None:
        options = self.options
        url = self._url()
        self._password = url.password
        self._user = url.username or '(none)'
        self._name = url.render_as_string(hide_password=True)
        self._channels = per_probe.assign(
            'channels', options.channels or list(self.probes), self.probes
        )
        self._clock = device_clock.DeviceClock(self._name, options.max_age)
        try:
            self._engine = sqlalchemy.create_engine(
                _existing_file(url),
                pool_size=1,
                max_overflow=0,
                connect_args=_timeouts(url, options.timeout),
            )
        except (exc.ArgumentError, ImportError) as e:
            raise exception.DriverError(
                reason=f'{self._name}: no usable driver: {self._clean(e)}'
            )
        self._resources.callback(self._engine.dispose)

    def close(self) -> None:
        self._resources.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        rows = collections.defaultdict(list)
        for row in self._query():
            rows[str(row['probe'])].append(row)
        return self._probe_reader.read(
            self._channels,
            lambda probe, channel: self._read_row(
                probe, self._newest(channel, rows[channel])
            ),
        )

    def _url(self) -> sqlalchemy.URL:
        try:
            return sqlalchemy.make_url(self.options.url)
        except exc.ArgumentError:
            raise exception.DriverError(
                reason='url: expected DIALECT+DRIVER://USER:PASSWORD@HOST/'
                'DATABASE'
            )

    def _query(self) -> list[Row]:
        """Run the query, in a transaction that is rolled back."""
        try:
            with self._engine.connect() as connection:
                # Execute the text as it is: % and : are not parameters.
                result = connection.execution_options(
                    no_parameters=True, stream_results=True
                ).exec_driver_sql(self.options.query)
                if not result.returns_rows:
                    raise self._error(
                        'the query returns no rows: expected a SELECT'
                    )
                columns = list(map(str.lower, result.keys()))
                self._check_columns(columns)
                rows = result.fetchmany(bounds.MAX_ROWS + 1)
                if len(rows) > bounds.MAX_ROWS:
                    _abandon(connection, result)
                    raise self._error(
                        f'the query returns more than {bounds.MAX_ROWS} rows'
                    )
                return [dict(zip(columns, row, strict=True)) for row in rows]
        except exc.DBAPIError as e:
            raise self._translate(e)
        except exc.SQLAlchemyError as e:
            raise self._error(self._clean(e))

    def _check_columns(self, columns: list[str]) -> None:
        if (
            'probe' not in columns
            or not {'watts', 'kwh'} & set(columns)
            or set(columns) - set(COLUMNS)
        ):
            raise self._error(
                f'the query returns the columns {", ".join(columns)}: '
                'expected probe, watts and/or kwh, and optionally time'
            )

    def _newest(self, channel: str, rows: list[Row]) -> Row:
        """Return the newest row of a channel.

        :raises ProtocolError: if there are none, or several without a time.
        """
        if not rows:
            raise self._error(f'no row of probe {channel}')
        if len(rows) == 1:
            return rows[0]
        try:
            return max(rows, key=operator.itemgetter('time'))
        except (KeyError, TypeError):
            raise self._error(
                f'several rows of probe {channel}: expected '
                'one, or a time in each to select the newest'
            )

    def _read_row(self, probe: str, row: Row) -> measurement.Reading | None:
        monotonic = None
        if 'time' in row:
            monotonic = self._clock.to_monotonic(probe, row['time'])
            if monotonic is None:
                return None
        return self._energy.reading(
            probe, row.get('watts'), row.get('kwh'), monotonic
        )

    def _translate(self, error: exc.DBAPIError) -> exception.DriverError:
        reason = self._clean(error.orig or error)
        if 'Access denied' in reason or 'authentication failed' in reason:
            return exception.AuthenticationFailed(
                device=self._name, user=self._user
            )
        if isinstance(error, exc.OperationalError | exc.InterfaceError):
            return exception.DeviceUnreachable(
                device=self._name, reason=reason
            )
        return self._error(reason)

    def _error(self, reason: str) -> exception.ProtocolError:
        return exception.ProtocolError(device=self._name, reason=reason)

    def _clean(self, error: BaseException) -> str:
        """Return the text of an error on one line, without the password."""
        text = ' '.join(str(error).split())
        return text.replace(self._password, '***') if self._password else text
