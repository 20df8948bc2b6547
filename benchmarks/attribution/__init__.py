# SPDX-License-Identifier: Apache-2.0

"""Energy of the instances of a simulated host, by several formulas."""
