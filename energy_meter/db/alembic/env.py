# SPDX-License-Identifier: Apache-2.0

"""Migration script that Alembic runs.

:mod:`energy_meter.db.migration` passes the connection in an attribute.
"""

from alembic import context

from energy_meter.db import schema

context.configure(
    connection=context.config.attributes['connection'],
    target_metadata=schema.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
