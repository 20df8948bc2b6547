# SPDX-License-Identifier: Apache-2.0


"""The RRD plugin: power over time, in files that never grow, and graphs.

It needs the rrdtool library, which the extra ``rrd`` installs.
"""

import importlib.util

NOT_INSTALLED = 'rrdtool is not installed: pip install energy-meter[rrd]'


def is_installed() -> bool:
    """Tell whether what the plugin needs is installed."""
    return importlib.util.find_spec('rrdtool') is not None
