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


"""Rules for the pages of graphs."""

from oslo_policy import policy

from energy_meter.policies import base

SHOW = 'energy_meter:graphs:show'

RULES: list[policy.RuleDefault] = [
    policy.DocumentedRuleDefault(
        SHOW,
        base.SITE_READER,
        description='Show graphs, the data behind them, and RRD files.',
        operations=[
            {'method': 'GET', 'path': f'/{path}/'}
            for path in (
                'last/{period}',
                'probe/{probe}',
                'graph/{period}',
                'graph/{period}/{probe}',
                'data/{period}',
                'data/{period}/{probe}',
                'rrd/{probe}',
            )
        ],
        scope_types=['system', 'project'],
    ),
]


def list_rules() -> list[policy.RuleDefault]:
    return RULES
