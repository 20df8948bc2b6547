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

"""Checks of the bus."""

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

#: Secrets that stand in the documentation.
_EXAMPLES = {'current-secret', 'previous-secret', 'SECRET'}


def secrets(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Is there a secret, and one that is not known to everybody?"""
    known = set(conf.bus.secrets)
    if not known:
        return upgradecheck.Result(
            upgradecheck.Code.FAILURE,
            'Set [bus] secrets, the same on every machine: without it no '
            'service starts. Make one with: openssl rand -hex 32')
    if _EXAMPLES & known:
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            '[bus] secrets has one from the documentation: everybody knows '
            'it. Make one with: openssl rand -hex 32')
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)
