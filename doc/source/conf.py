# SPDX-License-Identifier: Apache-2.0

"""Sphinx configuration of the documentation."""

project = 'energy_meter'
author = copyright = 'energy_meter developers'
extensions = [
    'openstackdocstheme',
    'oslo_config.sphinxconfiggen',
    'oslo_config.sphinxext',
    'oslo_policy.sphinxext',
    'oslo_policy.sphinxpolicygen',
    'sphinx.ext.graphviz',
]
graphviz_output_format = 'svg'
html_theme = 'openstackdocs'
openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_use_storyboard = False
config_generator_config_file = [
    (
        '../../etc/energy_meter/energy-meter-config-generator.conf',
        'configuration/energy_meter',
    )
]
policy_generator_config_file = [
    (
        '../../etc/energy_meter/energy-meter-policy-generator.conf',
        'configuration/policy',
    )
]
man_pages = [
    (f'cli/{name}', name, brief, author, 1)
    for name, brief in (
        (
            'energy-meter-agent',
            'reads wattmeters and publishes what they show',
        ),
        ('energy-meter-api', 'serves power and energy over HTTP'),
        (
            'energy-meter-collector',
            'keeps the energy of probes in the database',
        ),
        ('energy-meter-discover', 'finds what can be metered'),
        ('energy-meter-forwarder', 'carries measurements from bus to bus'),
        ('energy-meter-manage', 'sets up and looks after an installation'),
        ('energy-meter-rrd', 'keeps power in RRD files and shows graphs'),
        ('energy-meter-standalone', 'all of energy_meter in one process'),
        ('energy-meter-status', 'tells whether an installation is ready'),
    )
]
