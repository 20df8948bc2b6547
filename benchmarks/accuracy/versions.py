# SPDX-License-Identifier: Apache-2.0

"""Versions of the systems that :mod:`benchmarks.traces` compares."""

import re

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import stack

_NUMBER = re.compile(r'(?:version |-)(\d+(?:\.\d+)+)')
_ASK_GNOCCHI = (
    'import importlib.metadata as m; print("version", m.version("gnocchi"))'
)


def of_peers() -> dict[str, str]:
    """Return the version of each peer.

    :raises unittest.SkipTest: if one is not installed.
    """
    commands = {
        'Prometheus': ['prometheus', '--version'],
        # That of Debian does not know its own.
        'VictoriaMetrics': [
            'dpkg-query',
            '--showformat=version ${Version}',
            '--show',
            'victoria-metrics',
        ],
        'Gnocchi': [stack.program('python'), '-c', _ASK_GNOCCHI],
    }
    return {
        name: _number(base.run(command)) for name, command in commands.items()
    }


def _number(output: str) -> str:
    found = _NUMBER.search(output)
    return found[1] if found else 'unknown'
