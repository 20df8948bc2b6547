# SPDX-License-Identifier: Apache-2.0

"""Rules for energy by date."""

from oslo_policy import policy

from energy_meter.policies import base

LIST = 'energy_meter:energy:list'
SHOW = 'energy_meter:energy:show'

_SCOPES = ['system', 'project']

RULES: list[policy.RuleDefault] = [
    policy.DocumentedRuleDefault(
        LIST,
        base.SITE_READER,
        description='List the energy of all probes, or of those of a host or '
        'a project, in a period.',
        operations=[{'method': 'GET', 'path': '/v1/energy/'}],
        scope_types=_SCOPES,
    ),
    policy.DocumentedRuleDefault(
        SHOW,
        base.SITE_READER,
        description='Show the energy of one probe in a period.',
        operations=[{'method': 'GET', 'path': '/v1/probes/{probe}/energy/'}],
        scope_types=_SCOPES,
    ),
]


def list_rules() -> list[policy.RuleDefault]:
    """Return the rules of this module."""
    return RULES
