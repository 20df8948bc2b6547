# SPDX-License-Identifier: Apache-2.0

"""Comparison of the energy of several systems with the analytic integral."""
