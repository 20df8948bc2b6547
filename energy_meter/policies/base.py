# SPDX-License-Identifier: Apache-2.0

"""The rule that the other rules refer to."""

from oslo_policy import policy

#: Probes belong to the whole site, not to a project. The role reader is
#: therefore insufficient: the administrator of any project can assign it.
SITE_READER = 'rule:site_reader'

#: Instances belong to projects.
PROJECT_READER = 'rule:project_reader'

RULES = [
    policy.RuleDefault(
        'site_reader',
        'role:admin or role:service',
        description='Read all probes of the site.',
    ),
    policy.RuleDefault(
        'project_reader',
        'rule:site_reader or (role:reader and project_id:%(project_id)s)',
        description='Read the instances of one project.',
    ),
]


def list_rules() -> list[policy.RuleDefault]:
    """Return the rules of this module."""
    return RULES
