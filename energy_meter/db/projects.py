# SPDX-License-Identifier: Apache-2.0

"""Projects that are billed for probes."""

import collections.abc

import sqlalchemy as sa

from energy_meter.db import memberships


def configure(
    connection: sa.Connection, configured: collections.abc.Mapping[str, str]
) -> None:
    """Replace the projects of all probes.

    :param configured: ids of projects, by probe.
    """
    memberships.configure(
        connection,
        memberships.Kind.PROJECT,
        {(project, probe) for probe, project in configured.items()},
    )
