# SPDX-License-Identifier: Apache-2.0

"""Comparison of systems that bill the same recorded traces."""
