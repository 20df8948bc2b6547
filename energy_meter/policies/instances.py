# SPDX-License-Identifier: Apache-2.0

"""Rules for the energy of instances, projects and their hosts."""

from oslo_policy import policy

from energy_meter.policies import base

LIST = 'energy_meter:instances:list'
LIST_ALL = 'energy_meter:instances:list_all'
SHOW = 'energy_meter:instances:show'
LIST_PROJECTS = 'energy_meter:projects:list'
LIST_ALL_PROJECTS = 'energy_meter:projects:list_all'
SHOW_PROJECT = 'energy_meter:projects:show'
SHOW_HOST = 'energy_meter:hosts:show'

_SCOPES = ['system', 'project']
_INSTANCES: policy.Operation = {'method': 'GET', 'path': '/v1/instances/'}
_INSTANCE: policy.Operation = {
    'method': 'GET',
    'path': '/v1/instances/{instance}/energy/',
}
_METRICS: policy.Operation = {'method': 'GET', 'path': '/metrics/energy'}
_PROJECTS: policy.Operation = {'method': 'GET', 'path': '/v1/projects/'}
_PROJECT: policy.Operation = {
    'method': 'GET',
    'path': '/v1/projects/{project}/energy/',
}
_HOSTS: policy.Operation = {'method': 'GET', 'path': '/v1/hosts/'}
_HOST: policy.Operation = {'method': 'GET', 'path': '/v1/hosts/{host}/energy/'}

RULES: list[policy.RuleDefault] = [
    policy.DocumentedRuleDefault(
        LIST,
        base.PROJECT_READER,
        description='List the instances of a project with their energy.',
        operations=[_INSTANCES],
        scope_types=_SCOPES,
    ),
    policy.DocumentedRuleDefault(
        SHOW,
        base.PROJECT_READER,
        description='Show the energy of an instance of a project.',
        operations=[_INSTANCE],
        scope_types=_SCOPES,
    ),
    policy.DocumentedRuleDefault(
        LIST_ALL,
        base.SITE_READER,
        description='See the instances of all projects, with their hosts, '
        'the idle part of their energy, and quarter-hours. Quarter-hours of '
        'one instance show how much others on its host compute.',
        operations=[_INSTANCES, _INSTANCE, _METRICS],
        scope_types=_SCOPES,
    ),
    policy.DocumentedRuleDefault(
        LIST_PROJECTS,
        base.PROJECT_READER,
        description='Show the project of the token with its energy.',
        operations=[_PROJECTS],
        scope_types=_SCOPES,
    ),
    policy.DocumentedRuleDefault(
        SHOW_PROJECT,
        base.PROJECT_READER,
        description='Show the energy of a project.',
        operations=[_PROJECT],
        scope_types=_SCOPES,
    ),
    policy.DocumentedRuleDefault(
        LIST_ALL_PROJECTS,
        base.SITE_READER,
        description='See all projects, the idle part of their energy, and '
        'quarter-hours.',
        operations=[_PROJECTS, _PROJECT],
        scope_types=_SCOPES,
    ),
    policy.DocumentedRuleDefault(
        SHOW_HOST,
        base.SITE_READER,
        description='List the hosts of instances, and show the energy of a '
        'host and what it was used for.',
        operations=[_HOSTS, _HOST],
        scope_types=_SCOPES,
    ),
]


def list_rules() -> list[policy.RuleDefault]:
    """Return the rules of this module."""
    return RULES
