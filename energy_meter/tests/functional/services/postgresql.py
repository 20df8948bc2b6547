# SPDX-License-Identifier: Apache-2.0

"""Fixture for PostgreSQL."""

import signal

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import database


class PostgreSQL(database.DatabaseServer):
    """PostgreSQL server; it does not run as root."""

    superuser_database = 'postgres'
    # SIGTERM waits until the last client disconnects.
    stop_signal = signal.SIGINT

    def __init__(self) -> None:
        """Choose the port; the data is in the directory of the fixture."""
        self.port = base.free_port()
        super().__init__(
            [
                'postgres',
                '-p',
                str(self.port),
                '-c',
                'listen_addresses=127.0.0.1',
            ],
            ready=self.answers,
            user='postgres',
        )

    def prepare(self) -> None:
        """Create the data directory; the socket is beside it."""
        data = self.directory / 'data'
        base.run(
            [
                'initdb',
                '--auth=trust',
                '--encoding=UTF8',
                '--locale=C.UTF-8',
                '--no-sync',
                '--username=postgres',
                data,
            ],
            cwd=self.directory,
            user=self.user,
        )
        self.argv += ['-D', str(data), '-k', str(self.directory)]

    def database_url(self, name: str) -> str:
        """Return the URL of a database for SQLAlchemy."""
        return f'postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}'

    def socket_url(self, url: str) -> str:
        """Return the URL of a database for clients in another namespace.

        :param url: URL from :meth:`database_url`.
        """
        name = url.rpartition('/')[2]
        return (
            f'postgresql+psycopg://postgres@/{name}'
            f'?host={self.directory}&port={self.port}'
        )
