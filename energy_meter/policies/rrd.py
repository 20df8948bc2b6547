# SPDX-License-Identifier: Apache-2.0

"""Rules for the graph pages."""

from oslo_policy import policy

from energy_meter.policies import base

SHOW = 'energy_meter:graphs:show'

RULES: list[policy.RuleDefault] = [
    policy.DocumentedRuleDefault(
        SHOW,
        base.SITE_READER,
        description='Show graphs, the data behind them, energy, and RRD '
        'files.',
        operations=[
            {'method': 'GET', 'path': f'/{path}/'}
            for path in (
                'last/{period}',
                'period/{period}',
                'probe/{probe}',
                'probe/{probe}/{period}',
                'graph/{period}',
                'graph/{period}/{probe}',
                'data/{period}',
                'data/{period}/{probe}',
                'energy/{period}',
                'energy/{period}/{probe}',
                'rrd/{probe}',
            )
        ],
        scope_types=['system', 'project'],
    ),
]


def list_rules() -> list[policy.RuleDefault]:
    """Return the rules of this module."""
    return RULES
