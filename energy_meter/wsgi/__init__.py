# SPDX-License-Identifier: Apache-2.0

"""WSGI applications, for any WSGI server."""

from energy_meter import threads  # noqa: F401
