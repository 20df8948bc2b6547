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

"""The rule that the others are made of."""

from oslo_policy import policy

#: A probe belongs to no project: whoever reads one reads the whole site. So
#: the role reader, which any project can give away, is not enough.
SITE_READER = 'rule:site_reader'

RULES = [
    policy.RuleDefault(
        'site_reader',
        'role:admin or role:service',
        description='Who may read what all probes of the site show.',
    ),
]


def list_rules() -> list[policy.RuleDefault]:
    return RULES
