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

"""Options of the ``[agent:...]`` sections: agents with their own secrets."""

from oslo_config import cfg

PREFIX = 'agent:'

OPTS: list[cfg.Opt] = [
    cfg.ListOpt(
        'secrets',
        secret=True,
        required=True,
        help='Secrets of this agent alone: any of them verifies. On '
        'the agent they are its [bus] secrets. To be changed '
        'without a gap as those are.',
    ),
    cfg.ListOpt(
        'probes',
        required=True,
        help='Patterns of the probes of which this agent may speak, '
        'and of which no other may unless its own patterns '
        'match, too: * stands for anything, ? for any character, '
        '[12] for one of several.',
    ),
]


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    return [(PREFIX + '<name>', OPTS)]
