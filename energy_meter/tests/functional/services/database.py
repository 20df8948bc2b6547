# SPDX-License-Identifier: Apache-2.0

"""Base of the fixtures for database servers."""

import abc
import uuid

import sqlalchemy
from sqlalchemy import exc

from energy_meter.tests.functional.services import base


class DatabaseServer(base.Process, abc.ABC):
    """A database server whose superuser needs no password."""

    port: int
    #: Name of a database that always exists.
    superuser_database: str

    @abc.abstractmethod
    def database_url(self, name: str) -> str:
        """Return the URL of a database for SQLAlchemy."""

    def create_database(self) -> str:
        """Create an empty database; return its URL for SQLAlchemy."""
        name = f'test_{uuid.uuid4().hex}'
        self.execute(f'CREATE DATABASE {name}')
        return self.database_url(name)

    def execute(self, statement: str) -> None:
        """Execute a statement as the superuser, outside a transaction."""
        engine = sqlalchemy.create_engine(
            self.database_url(self.superuser_database),
            isolation_level='AUTOCOMMIT',
            poolclass=sqlalchemy.NullPool,
        )
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(statement))

    def answers(self) -> bool:
        """Check whether the server responds."""
        try:
            self.execute('SELECT 1')
        except exc.OperationalError:
            return False
        return True
