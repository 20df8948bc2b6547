# SPDX-License-Identifier: Apache-2.0

"""Entry point for setuptools; setup.cfg has the metadata."""

import setuptools

setuptools.setup(setup_requires=['pbr>=6.1.1'], pbr=True)
