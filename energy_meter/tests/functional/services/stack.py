# SPDX-License-Identifier: Apache-2.0

"""Virtual environment of the other OpenStack services.

tools/stack-requirements.txt lists them. As in a real installation they are
not in the environment of energy_meter.
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

    :raises unittest.SkipTest: if it is missing.
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

    It listens on a port of 127.0.0.1 and keeps connections alive, which uWSGI
    supports only behind its own HTTP router: the caller appends `--socket`
    with the path of the socket between the two.

    :raises unittest.SkipTest: if uWSGI is not installed.
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
