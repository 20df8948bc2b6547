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
    'reno.sphinxext',
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
        'configuration/energy_meter',
    )
]
man_pages = [
    (f'cli/{name}', name, brief, author, 1)
    for name, brief in (
        (
            'energy-meter-agent',
            'read wattmeters and publish measurements',
        ),
        ('energy-meter-api', 'serve power and energy over HTTP'),
        (
            'energy-meter-collector',
            'write measurements to the database',
        ),
        ('energy-meter-discover', 'discover power meters'),
        ('energy-meter-forwarder', 'forward measurements to another bus'),
        ('energy-meter-import', 'import an inventory of wattmeters'),
        ('energy-meter-manage', 'administer energy_meter'),
        ('energy-meter-rrd', 'store power in RRD files and serve graphs'),
        ('energy-meter-standalone', 'run all services in one process'),
        ('energy-meter-status', 'check an installation'),
    )
]
