# SPDX-License-Identifier: Apache-2.0

"""Rules for probes."""

from oslo_policy import policy

from energy_meter.policies import base

LIST = 'energy_meter:probes:list'
SHOW = 'energy_meter:probes:show'

_SCOPES = ['system', 'project']

RULES: list[policy.RuleDefault] = [
    policy.DocumentedRuleDefault(
        LIST,
        base.SITE_READER,
        description='List all probes, or their ids, or their metrics.',
        operations=[
            {'method': 'GET', 'path': '/v1/probe-ids/'},
            {'method': 'GET', 'path': '/v1/probes/'},
            {'method': 'GET', 'path': '/metrics'},
        ],
        scope_types=_SCOPES,
    ),
    policy.DocumentedRuleDefault(
        SHOW,
        base.SITE_READER,
        description='Show one probe, or one of its meters.',
        operations=[
            {'method': 'GET', 'path': '/v1/probes/{probe}/'},
            {'method': 'GET', 'path': '/v1/probes/{probe}/{meter}/'},
        ],
        scope_types=_SCOPES,
    ),
]


def list_rules() -> list[policy.RuleDefault]:
    """Return the rules of this module."""
    return RULES
