# SPDX-License-Identifier: Apache-2.0

"""Tests: ``unit`` needs nothing, ``functional`` starts real peers."""

from energy_meter import no_eventlet  # noqa: F401
