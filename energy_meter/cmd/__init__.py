# SPDX-License-Identifier: Apache-2.0

"""Commands. The ``main`` function of each module is a console script."""

from energy_meter import no_eventlet  # noqa: F401
