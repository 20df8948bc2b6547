# SPDX-License-Identifier: Apache-2.0

"""Run by alembic; :mod:`energy_meter.db.migration` hands it a connection."""

from alembic import context

from energy_meter.db import schema

context.configure(
    connection=context.config.attributes['connection'],
    target_metadata=schema.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
