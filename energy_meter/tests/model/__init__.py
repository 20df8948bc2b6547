# SPDX-License-Identifier: Apache-2.0

"""Executable model of metering, which knows the true energy.

It simulates machines, clocks, agents and the bus, but nothing of the rules by
which energy is billed. A history contains what arrived, and what is due.
``python -m energy_meter.tests.model --help`` runs many histories.

All times are integers in ms. Times without another name are true times.
"""
