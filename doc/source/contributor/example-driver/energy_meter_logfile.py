# SPDX-License-Identifier: Apache-2.0

"""Wattmeters whose power another program writes to a file."""

import os
import time

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base


class LogFile(base.Driver):
    """Reads a file that has a line ``NAME WATTS`` for each channel."""

    opts = (
        cfg.StrOpt('path', required=True, help='Path of the file.'),
        cfg.FloatOpt(
            'max_age',
            default=60.0,
            min=0.0,
            help='Maximum age of the file in seconds.',
        ),
    )
    scope = 'outlet'

    def open(self):
        self._names = list(self._values())
        if self.probes and len(self.probes) != len(self._names):
            raise exception.DriverError(
                reason=f'{self.options.path} has {len(self._names)} channels, '
                f'but probes has places for {len(self.probes)}'
            )

    def channels(self):
        return base.number(self._names)

    def read(self):
        values = self._values()
        return [
            measurement.Reading(probe, values[name])
            for probe, name in zip(self.probes, self._names, strict=True)
            if probe is not None and name in values
        ]

    def _values(self):
        try:
            with open(self.options.path, encoding='utf-8') as file:
                age = time.time() - os.fstat(file.fileno()).st_mtime
                values = {
                    name: float(watts) for name, watts in map(str.split, file)
                }
        except (OSError, ValueError) as error:
            raise exception.ProtocolError(
                device=self.options.path, reason=error
            )
        if age > self.options.max_age:
            raise exception.DeviceUnreachable(
                device=self.options.path,
                reason=f'not written for {age:.0f} s',
            )
        return values
