# SPDX-License-Identifier: Apache-2.0

"""The servers of the benchmark: the API, its database, and Flask."""

import contextlib
import os
import pathlib
import tempfile
import typing

import sqlalchemy as sa

from benchmarks.api_requests import fleet
from benchmarks.api_requests import peer
from energy_meter.db import engine as db_engine
from energy_meter.db import migration
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.api import browser
from energy_meter.tests.functional.api import servers
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql

#: Path of all probes, in the API and in Flask.
PROBES = '/v1/probes'


class Site(typing.NamedTuple):
    """Running servers.

    :ivar engine: connects to ``database``.
    :ivar fleet: what is in it.
    """

    database: base.Process
    api: servers.UWSGI
    flask: servers.UWSGI
    engine: sa.Engine
    fleet: fleet.Fleet


def start(stack: contextlib.ExitStack, probes: int) -> Site:
    """Start the servers, which the stack stops.

    :param probes: number of probes.
    """
    database, engine = start_database(stack)
    simulation.report(f'Loading {probes} probes')
    loaded = fleet.load(engine, probes)
    api = start_api(stack, engine)
    # It has a socket of uWSGI's own in its directory.
    configuration = _configuration(stack)
    document = configuration.directory / 'probes.json'
    document.write_bytes(browser.get(api.port, PROBES).body)
    flask = servers.UWSGI(configuration, peer.__name__)
    flask.env |= {
        peer.DOCUMENT: os.fspath(document),
        'PYTHONPATH': os.fspath(pathlib.Path(__file__).parents[2]),
    }
    stack.enter_context(flask)
    return Site(database, api, flask, engine, loaded)


def start_database(
    stack: contextlib.ExitStack,
) -> tuple[base.Process, sa.Engine]:
    """Start PostgreSQL with an empty database, and connect to it."""
    database = stack.enter_context(postgresql.PostgreSQL())
    engine = db_engine.connect(
        simulation.configure(database.create_database())
    )
    stack.callback(engine.dispose)
    migration.sync(engine)
    return database, engine


def start_api(stack: contextlib.ExitStack, engine: sa.Engine) -> servers.UWSGI:
    """Start the API with a database."""
    url = engine.url.render_as_string(hide_password=False)
    configuration = _configuration(
        stack, database={'connection': url}, api={'probe_ttl': 86_400}
    )
    return stack.enter_context(servers.UWSGI(configuration))


def _configuration(
    stack: contextlib.ExitStack, **sections: dict[str, object]
) -> commands.Configuration:
    """Return a configuration in a directory of its own."""
    directory = stack.enter_context(tempfile.TemporaryDirectory())
    return commands.Configuration(directory, **sections)
