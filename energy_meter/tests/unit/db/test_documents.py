# SPDX-License-Identifier: Apache-2.0

"""Rows in documents that a database unpacks."""

import hypothesis
from hypothesis import strategies
import sqlalchemy as sa

from energy_meter.db import documents
from energy_meter.tests.unit.db import base

FIELDS = {'name': documents.TEXT, 'number': documents.INTEGER}

# PostgreSQL has no NUL, and a connection to MariaDB without charset=utf8mb4 in
# its URL only the characters below.
NAMES = strategies.text(
    strategies.characters(
        codec='utf-8', max_codepoint=0xFFFF, exclude_characters='\0'
    ),
    max_size=190,
)
NUMBERS = strategies.integers(-(2**63), 2**63 - 1)
ROWS = strategies.lists(
    strategies.tuples(strategies.none() | NAMES, strategies.none() | NUMBERS),
    max_size=5,
)


class DocumentsTest(base.DatabaseTest):
    def unpack(
        self, connection: sa.Connection, rows: list[tuple[object, ...]]
    ) -> list[tuple[object, ...]]:
        """Return rows as the database sees them."""
        query = sa.select(documents.table(connection, FIELDS))
        found = connection.execute(query, documents.pack(rows))
        return [tuple(row) for row in found]

    def test_database_unpacks_the_rows_that_were_packed(self):
        with self.engine.connect() as connection:

            @hypothesis.settings(deadline=None, max_examples=50)
            @hypothesis.given(ROWS)
            @hypothesis.example([('"quoted" \'text\'\\', 1)])
            @hypothesis.example([('\x01\n\x1a%s:rows', None)])
            def check(rows):
                self.assertEqual(rows, self.unpack(connection, rows))

            check()
