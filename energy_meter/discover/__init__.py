# SPDX-License-Identifier: Apache-2.0

"""What can be metered here or there, and if not, why not.

Each module that looks for something has a function ``look``, which yields
findings. What it thinks can be metered is tried in earnest: its section of
the configuration is read as the agent does, and read by its driver.
"""
