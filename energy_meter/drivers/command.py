# SPDX-License-Identifier: Apache-2.0

"""Programs of the operator that print the readings."""

import collections.abc
import functools
import logging
import os
import shlex

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import extractor
from energy_meter.drivers.common import formats
from energy_meter.drivers.common import process
from energy_meter.drivers.common import units

LOG = logging.getLogger(__name__)


class LineChannel:
    """Line with the power of one probe.

    :param channel: index of the line.
    """

    def __init__(
        self, _settings: formats.Settings, channel: str, _is_explicit: bool
    ) -> None:
        self._index = int(channel)

    def read(self, document: list[str], device: str) -> formats.Values | None:
        text = document[self._index].strip()
        try:
            return formats.Values(units.parse(text or 'nan'))
        except ValueError:
            raise exception.ProtocolError(
                device=device,
                reason=f'line {self._index + 1}: {text[:40]!r} is not a '
                'number',
            )


class Command(base.Driver):
    """Runs a program at each interval and reads its output."""

    scope = 'other'
    opts = (
        cfg.StrOpt(
            'command',
            required=True,
            help='Absolute path of the program, and its arguments. Quotes '
            'and backslashes work as in a shell, but no shell runs it.',
        ),
        cfg.StrOpt(
            'format',
            default='number',
            choices=[
                ('number', 'One line for each probe, with its power.'),
                *formats.CHOICES,
            ],
            help='Format of the output.',
        ),
        *extractor.OPTS,
        cfg.FloatOpt(
            'timeout',
            default=10.0,
            min=0.1,
            help='Maximum time in seconds until the program ends. Then it is '
            'killed with all processes of its group.',
        ),
    )

    def open(self) -> None:
        self._argv = _parse_command(self.options.command)
        number = formats.Format(
            'text with one line for each probe',
            functools.partial(_parse_lines, len(self.probes)),
            LineChannel,
            frozenset(),
        )
        self._extractor = extractor.Extractor(
            extractor.Source(self._argv[0], 'output'),
            self.options,
            self.probes,
            LOG,
            {**formats.FORMATS, 'number': number},
        )

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        return self._extractor.read(
            process.run(self._argv, self.options.timeout)
        )


def _parse_command(text: str) -> list[str]:
    try:
        argv = shlex.split(text)
    except ValueError as e:
        raise exception.DriverError(f'command: {e}')
    if not argv or not os.path.isabs(argv[0]):
        raise exception.DriverError(
            'command: expected the absolute path of a program and its '
            'arguments'
        )
    return argv


def _parse_lines(count: int, text: bytes) -> list[str]:
    """Return the line of each probe; further lines must be empty."""
    lines = text.decode().removesuffix('\n').split('\n')
    if len(lines) < count or ''.join(lines[count:]).strip():
        raise ValueError(
            f'it has {len(lines)} lines, but probes has places for {count}'
        )
    return lines
