# SPDX-License-Identifier: Apache-2.0

"""Graph of the sum of many probes, and the page that shows it."""

from energy_meter import no_eventlet  # noqa: F401
