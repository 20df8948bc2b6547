# SPDX-License-Identifier: Apache-2.0

"""Sphinx configuration of the API reference."""

project = 'energy_meter API'
author = copyright = 'energy_meter developers'
extensions = ['openstackdocstheme']
html_theme = 'openstackdocs'
openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_use_storyboard = False
