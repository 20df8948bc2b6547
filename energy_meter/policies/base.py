# SPDX-License-Identifier: Apache-2.0

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
