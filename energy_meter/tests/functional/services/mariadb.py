# SPDX-License-Identifier: Apache-2.0

"""Fixture for MariaDB."""

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import database


class MariaDB(database.DatabaseServer):
    """MariaDB server; it does not run as root."""

    superuser_database = 'mysql'

    def __init__(self) -> None:
        """Choose the port; the data is in the directory of the fixture."""
        self.port = base.free_port()
        # --no-defaults has to come first.
        super().__init__(
            [
                'mariadbd',
                '--no-defaults',
                '--bind-address=127.0.0.1',
                f'--port={self.port}',
                '--character-set-server=utf8mb4',
            ],
            ready=self.answers,
            user='mysql',
        )

    def prepare(self) -> None:
        """Create the data directory; the socket and pid file are beside it."""
        data = self.directory / 'data'
        base.run(
            [
                'mariadb-install-db',
                '--no-defaults',
                '--auth-root-authentication-method=normal',
                '--skip-test-db',
                f'--datadir={data}',
                # Two servers in one directory overwrite each other's tables.
                f'--tmpdir={self.directory}',
            ],
            cwd=self.directory,
            user=self.user,
        )
        self.argv += [
            f'--datadir={data}',
            f'--tmpdir={self.directory}',
            f'--socket={self.directory}/socket',
            f'--pid-file={self.directory}/pid',
        ]

    def database_url(self, name: str) -> str:
        """Return the URL of a database for SQLAlchemy."""
        return f'mysql+pymysql://root@127.0.0.1:{self.port}/{name}'
