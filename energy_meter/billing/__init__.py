# SPDX-License-Identifier: Apache-2.0

"""Billing: computes the energy of a probe from the curves of its registers.

Pure functions of what is known of the registers, without database or clock.
The order in which it became known does not matter.
"""
