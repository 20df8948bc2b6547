# SPDX-License-Identifier: Apache-2.0

"""RRD plugin: power over time in files of constant size, and graphs of it.

It needs the rrdtool library, which the extra ``rrd`` installs.
"""

import importlib.util

NOT_INSTALLED = 'rrdtool is not installed: pip install energy-meter[rrd]'


def is_installed() -> bool:
    """Return whether the rrdtool library is installed."""
    return importlib.util.find_spec('rrdtool') is not None
