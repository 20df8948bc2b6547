# SPDX-License-Identifier: Apache-2.0

"""Entry points for WSGI servers."""

from energy_meter import no_eventlet  # noqa: F401
