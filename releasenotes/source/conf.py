# SPDX-License-Identifier: Apache-2.0

"""Sphinx configuration of the release notes."""

project = 'energy_meter release notes'
author = copyright = 'energy_meter developers'
extensions = ['openstackdocstheme', 'reno.sphinxext']
html_theme = 'openstackdocs'
openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_use_storyboard = False
