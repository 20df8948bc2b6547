# SPDX-License-Identifier: Apache-2.0


"""Reads what a gateway writes into a database.

The operator's query gives one row for each probe, with the columns

``probe``
    what the gateway calls the outlet,
``watts``
    its power in W, and/or
``kwh``
    its energy counter in kWh, and optionally
``time``
    when it was measured: a timestamp or seconds since the epoch.

NULL is no reading. Without ``time`` nobody can tell a live row from one
that a dead gateway left behind.
"""

import collections.abc
import typing

from oslo_config import cfg
from oslo_log import log as logging
import sqlalchemy
from sqlalchemy import exc

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import _probewise
from energy_meter.drivers import _quantity
from energy_meter.drivers import _timeline
from energy_meter.drivers import base

LOG = logging.getLogger(__name__)

COLUMNS = ('probe', 'watts', 'kwh', 'time')

Row = collections.abc.Mapping[str, typing.Any]


def _timeouts(url: sqlalchemy.URL, seconds: float) -> dict[str, object]:
    """Give the connection arguments by which a driver waits no longer.

    Of other drivers than these the operator writes them into the URL.
    """
    whole = max(round(seconds), 1)
    milliseconds = round(1000 * seconds)
    known: dict[str, dict[str, object]] = {
        'pymysql': {
            'connect_timeout': whole,
            'read_timeout': whole,
            'write_timeout': whole,
        },
        # The server ends a long query, the others notice its death.
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
    return known.get(url.get_driver_name(), {})


class SQL(base.PolledDriver):
    """Runs the operator's query and reads its rows."""

    scope = 'outlet'
    opts = (
        cfg.StrOpt(
            'url',
            secret=True,
            required=True,
            help="SQLAlchemy's URL of the database, which names the "
            'driver, too: mysql+pymysql://USER:PASSWORD@HOST/'
            'DATABASE or postgresql+psycopg://...',
        ),
        cfg.StrOpt(
            'query',
            required=True,
            help='Query that gives a row for each probe, with columns '
            'named probe, watts and/or kwh, and optionally '
            'time.',
        ),
        cfg.ListOpt(
            'outlets',
            default=[],
            help='What the column probe says for each probe, in '
            'their order. The default are their ids.',
        ),
        cfg.FloatOpt(
            'max_age',
            default=120.0,
            min=0.1,
            help='A row whose time is more than this many seconds '
            'ago is stale: no reading.',
        ),
        cfg.FloatOpt(
            'kwh_step',
            default=0.001,
            min=1e-9,
            help='Smallest movement of kwh.',
        ),
        cfg.FloatOpt(
            'timeout',
            default=10.0,
            min=0.1,
            help='Longest wait for the database, in seconds.',
        ),
    )

    def open(self) -> None:
        options = self.options
        url = self._url()
        self._password = url.password
        self._user = url.username or '(none)'
        self._name = url.render_as_string(hide_password=True)
        self._outlets = _probewise.assign(
            'outlets', options.outlets or list(self.probes), self.probes
        )
        self._probewise = _probewise.Probewise(LOG)
        self._energy = _quantity.EnergyScale('kWh', options.kwh_step)
        self._timeline = _timeline.Timeline(self._name, options.max_age)
        try:
            self._engine = sqlalchemy.create_engine(
                url,
                pool_size=1,
                max_overflow=0,
                connect_args=_timeouts(url, options.timeout),
            )
        except (exc.ArgumentError, ImportError) as e:
            raise exception.DriverError(
                reason=f'{self._name}: no usable driver: {self._clean(e)}'
            )

    def close(self) -> None:
        if hasattr(self, '_engine'):
            self._engine.dispose()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        self._rows = self._newest(self._query())
        return self._probewise.read(self._outlets, self._read_row)

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
                # As it is: % and : mean nothing special.
                result = connection.execution_options(
                    no_parameters=True
                ).exec_driver_sql(self.options.query)
                if not result.returns_rows:
                    raise self._error(
                        'the query gives no rows: expected a SELECT'
                    )
                columns = list(map(str.lower, result.keys()))
                self._check_columns(columns)
                return [dict(zip(columns, row, strict=True)) for row in result]
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
                f'the query gives the columns {", ".join(columns)}: expected '
                'probe, watts and/or kwh, and optionally time'
            )

    def _newest(self, rows: list[Row]) -> dict[str, Row]:
        """Give the newest row of each outlet; without times, its only one."""
        newest: dict[str, Row] = {}
        for row in rows:
            outlet = str(row['probe'])
            other = newest.get(outlet)
            if other is None:
                newest[outlet] = row
                continue
            try:
                if row['time'] > other['time']:
                    newest[outlet] = row
            except (KeyError, TypeError):
                raise self._error(
                    f'several rows of probe {outlet}: expected '
                    'one, or times to choose by'
                )
        return newest

    def _read_row(self, probe: str, outlet: str) -> measurement.Reading | None:
        row = self._rows.get(outlet)
        if row is None:
            raise self._error(f'no row of probe {outlet}')
        at = None
        if 'time' in row:
            at = self._timeline.place(probe, row['time'])
            if at is None:
                return None
        return self._energy.reading(
            probe, row.get('watts'), row.get('kwh'), at
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
        """Give an error's text on one line, without the password."""
        text = ' '.join(str(error).split())
        return text.replace(self._password, '***') if self._password else text
