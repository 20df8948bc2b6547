# SPDX-License-Identifier: Apache-2.0

"""Drivers: one module or package for each kind of wattmeter."""
