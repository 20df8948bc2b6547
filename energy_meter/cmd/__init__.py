# SPDX-License-Identifier: Apache-2.0

"""The commands. Each module's ``main`` is a console script."""

from energy_meter import threads  # noqa: F401
