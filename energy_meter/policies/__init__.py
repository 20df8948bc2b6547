# SPDX-License-Identifier: Apache-2.0

"""Default policies of the API and the graph pages.

Operators override them in ``policy.yaml``.
"""

from oslo_policy import policy

from energy_meter.policies import base
from energy_meter.policies import energy
from energy_meter.policies import instances
from energy_meter.policies import probes
from energy_meter.policies import rrd


def list_rules() -> list[policy.RuleDefault]:
    """Return all rules, for the enforcer, the sample and the reference."""
    return [
        rule
        for module in (base, energy, instances, probes, rrd)
        for rule in module.list_rules()
    ]
