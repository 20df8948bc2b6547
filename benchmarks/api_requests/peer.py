# SPDX-License-Identifier: Apache-2.0

"""Flask application that returns a dictionary in memory as JSON."""

import json
import os
import pathlib
import typing

import flask

#: Name of the environment variable with the path of the dictionary.
DOCUMENT = 'BENCHMARK_DOCUMENT'

application = flask.Flask(__name__)


def _load() -> object:
    return json.loads(pathlib.Path(os.environ[DOCUMENT]).read_bytes())


_probes = _load() if DOCUMENT in os.environ else None


@application.get('/v1/probes')
def probes() -> flask.Response:
    """Return all probes."""
    return flask.jsonify(_probes)


@application.get('/conditional')
def conditional() -> flask.Response:
    """Return the same, or 304: Flask's ETag is a hash of the body."""
    response = flask.jsonify(_probes)
    response.add_etag()
    return typing.cast(
        flask.Response, response.make_conditional(flask.request)
    )
