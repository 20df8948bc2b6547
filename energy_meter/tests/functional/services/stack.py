# SPDX-License-Identifier: Apache-2.0

"""Where the other OpenStack services are installed for tests.

They live in a virtual environment of their own, made from
tools/stack-requirements.txt: beside ours, as on a real installation, and not
among our requirements.
"""

import os
import pathlib
import unittest

import energy_meter

VARIABLE = 'ENERGY_METER_STACK_VENV'
CHECKOUT = pathlib.Path(energy_meter.__file__).parents[1]


def venv() -> pathlib.Path:
    """Return the virtual environment, whether or not it exists."""
    return pathlib.Path(os.environ.get(VARIABLE, CHECKOUT / '.venv-stack'))


def program(name: str) -> str:
    """Find a program of the virtual environment.

    :raises unittest.SkipTest: It is not there.
    """
    path = venv() / 'bin' / name
    if not path.exists():
        raise unittest.SkipTest(
            f'{path} is missing (tools/run_tests.sh installs it; {VARIABLE} '
            'names another virtual environment)'
        )
    return os.fspath(path)


def wsgi_server(port: int, module: str) -> list[str]:
    """Return the command that serves a WSGI module of these services.

    It listens on this port of 127.0.0.1 and keeps connections alive, which
    uWSGI does properly only behind a router of its own: the caller appends
    `--socket` and the path through which the two talk.

    :raises unittest.SkipTest: uWSGI is not installed.
    """
    return [
        program('uwsgi'),
        '--http',
        f'127.0.0.1:{port}',
        '--http-keepalive',
        '--module',
        f'{module}:application',
        '--virtualenv',
        os.fspath(venv()),
        '--enable-threads',
        '--threads',
        '4',
        '--master',
        '--die-on-term',
    ]
