# SPDX-License-Identifier: Apache-2.0

"""Measurements with other values."""

import typing

from energy_meter import measurement


def change(
    measured: measurement.Measurement, **changes: typing.Any
) -> measurement.Measurement:
    """Return a measurement with other values, of its series or its own."""
    shared = {
        name: changes.pop(name)
        for name in measurement.Series._fields
        if name in changes
    }
    return measured._replace(
        series=measured.series._replace(**shared), **changes
    )
