# SPDX-License-Identifier: Apache-2.0

"""Recorded traces of an energy counter, of which the true energy is known.

The same traces are billed by the agent and the collector, and by other
systems: ``python -m benchmarks.traces``.
"""
