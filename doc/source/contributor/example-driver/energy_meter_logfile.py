# SPDX-License-Identifier: Apache-2.0

"""Wattmeters of which another program writes down the power."""

import os
import time

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base


class LogFile(base.PolledDriver):
    """Reads a file that has a line ``NAME WATTS`` for each outlet."""

    opts = (
        cfg.StrOpt('path', required=True, help='The file.'),
        cfg.FloatOpt(
            'max_age',
            default=60.0,
            min=0.0,
            help='Seconds after which what it says is stale.',
        ),
    )
    scope = 'outlet'

    def open(self):
        self._names = list(self._values())
        if self.probes and len(self.probes) != len(self._names):
            raise exception.DriverError(
                reason=f'{self.options.path} has {len(self._names)} outlets, '
                f'but probes has places for {len(self.probes)}'
            )

    def outlets(self):
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
            with open(self.options.path, encoding='utf-8') as stream:
                age = time.time() - os.fstat(stream.fileno()).st_mtime
                values = {
                    name: float(watts)
                    for name, watts in map(str.split, stream)
                }
        except (OSError, ValueError) as error:
            raise exception.ProtocolError(
                device=self.options.path, reason=error
            )
        if age > self.options.max_age:
            raise exception.DeviceUnreachable(
                device=self.options.path,
                reason=f'nothing was written for {age:.0f} s',
            )
        return values
