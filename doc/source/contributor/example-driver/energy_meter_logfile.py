# SPDX-License-Identifier: Apache-2.0

"""Wattmeters whose power another program writes to a file."""

import logging
import os
import time

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base

LOG = logging.getLogger(__name__)


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

    def __init__(self, options, probes):
        super().__init__(options, probes)
        self._probe_reader = base.ProbeReader(LOG)

    def open(self):
        self._names = {name: name for name in self._lines()}
        self._channels = base.assign(
            self.options.path, self._names, self.probes
        )

    def channels(self):
        return base.number(self._names)

    def read(self):
        lines = self._lines()
        return self._probe_reader.read(
            self._channels,
            lambda probe, name: self._reading(probe, name, lines.get(name)),
        )

    def _reading(self, probe, name, text):
        """Return the reading of one probe; None if it is unavailable."""
        if text == '-':
            return None
        try:
            return measurement.Reading(probe, watts=float(text))
        except (TypeError, ValueError):
            raise exception.DriverError(
                f'{self.options.path}: expected "{name} WATTS", not {text!r}'
            )

    def _lines(self):
        """Return the text after each name."""
        try:
            with open(self.options.path, encoding='utf-8') as file:
                age = time.time() - os.fstat(file.fileno()).st_mtime
                parts = [line.strip().partition(' ') for line in file]
        except (OSError, ValueError) as error:
            raise exception.DriverError(f'{self.options.path}: {error}')
        if age > self.options.max_age:
            raise exception.DriverError(
                f'{self.options.path} was not written for {age:.0f} s, more '
                f'than max_age = {self.options.max_age:g}'
            )
        return {name: text for name, _, text in parts}
