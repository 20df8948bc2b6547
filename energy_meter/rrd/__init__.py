# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


"""The RRD plugin: power over time, in files that never grow, and graphs.

It needs the rrdtool library, which the extra ``rrd`` installs.
"""

import importlib.util

NOT_INSTALLED = 'rrdtool is not installed: pip install energy-meter[rrd]'


def is_installed() -> bool:
    """Tell whether what the plugin needs is installed."""
    return importlib.util.find_spec('rrdtool') is not None
