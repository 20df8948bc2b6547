# SPDX-License-Identifier: Apache-2.0

"""Programs of the operator that print the readings."""

import collections.abc
import logging
import os
import shlex
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import device_clock
from energy_meter.drivers.common import jsonpath
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.common import process
from energy_meter.drivers.common import prometheus_text
from energy_meter.drivers.common import units

LOG = logging.getLogger(__name__)

#: Placeholder of the channel in paths.
CHANNEL = '{channel}'


class Values(typing.NamedTuple):
    """Values of one probe in the output; None or not a number if unavailable.

    :ivar time: as :meth:`.device_clock.DeviceClock.to_monotonic` accepts it;
        None if the output does not state it.
    """

    watts: object
    energy: object = None
    time: object = None


#: Returns the values of one probe.
Find = collections.abc.Callable[[typing.Any], Values]


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
                ('number', 'One line for each probe, with its power in W.'),
                ('json', 'JSON document.'),
                ('prometheus', "Prometheus' text format."),
            ],
            help='Format of the output.',
        ),
        cfg.StrOpt(
            'watts_path',
            help='JSONPath of the power in W, or Prometheus sample: NAME or '
            'NAME{LABEL="VALUE"}.',
        ),
        cfg.StrOpt(
            'energy_path',
            help='JSONPath or Prometheus sample of the energy counter.',
        ),
        cfg.StrOpt(
            'time_path',
            help='JSONPath of the time of the measurement: seconds since the '
            'epoch or ISO 8601, in UTC unless it has a time zone.',
        ),
        cfg.StrOpt(
            'energy_unit',
            choices=sorted(units.JOULES),
            help='Unit of the energy counter. The default is J with '
            'Prometheus, and kWh otherwise.',
        ),
        cfg.FloatOpt(
            'energy_step',
            default=0.001,
            min=1e-9,
            help='Smallest increment of the energy counter, in its unit.',
        ),
        cfg.ListOpt(
            'channels',
            default=[],
            help='Value of {channel} in the paths for each probe, in the '
            'order of the probes. The default is 0, 1, 2 ...',
        ),
        cfg.FloatOpt(
            'max_age',
            default=120.0,
            min=0.1,
            help='Maximum age in seconds of a measurement with a time. Older '
            'ones are stale and not read.',
        ),
        cfg.FloatOpt(
            'timeout',
            default=10.0,
            min=0.1,
            help='Maximum time in seconds until the program ends. Then it is '
            'killed with all processes of its group.',
        ),
    )

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._channels: dict[str, Find] = {}
        self._probe_reader = base.ProbeReader(LOG)

    def open(self) -> None:
        options = self.options
        self._argv = _parse_command(options.command)
        self._program = self._argv[0]
        unit = options.energy_unit or (
            'J' if options.format == 'prometheus' else 'kWh'
        )
        self._energy = units.EnergyScale(unit, options.energy_step)
        self._clock = device_clock.DeviceClock(self._program, options.max_age)
        self._check_paths()
        if options.format == 'number':
            finders = [self._line(index) for index in range(len(self.probes))]
        else:
            find = self._json if options.format == 'json' else self._samples
            finders = [find(channel) for channel in self._channel_names()]
        self._channels = per_probe.assign('channels', finders, self.probes)

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        output = process.run(self._argv, self.options.timeout)
        try:
            document = self._parse(output)
        except ValueError as e:
            raise self._error(f'the output is not {self.options.format}: {e}')
        return self._probe_reader.read(
            self._channels,
            lambda probe, find: self._reading(probe, find(document)),
        )

    def _check_paths(self) -> None:
        """Check that each probe has values of its own."""
        options = self.options
        paths = {
            name: path
            for name in ('watts_path', 'energy_path')
            if (path := getattr(options, name))
        }
        if options.format == 'number':
            if paths:
                raise exception.DriverError(
                    f'{" and ".join(paths)}: expected format = json or '
                    'prometheus'
                )
            return
        if not paths:
            raise exception.DriverError('expected watts_path or energy_path')
        for name, path in paths.items():
            if len(self.probes) > 1 and CHANNEL not in path:
                raise exception.DriverError(
                    f'{name} = {path} is the same value for each probe: '
                    f'expected {CHANNEL} in it'
                )

    def _channel_names(self) -> list[str]:
        return self.options.channels or [
            str(index) for index in range(len(self.probes))
        ]

    def _parse(self, output: bytes) -> object:
        if self.options.format == 'json':
            return jsonpath.parse(output)
        if self.options.format == 'prometheus':
            return prometheus_text.Page(output)
        lines = output.decode().rstrip().split('\n')
        if len(lines) != len(self.probes):
            raise ValueError(
                f'it has {len(lines)} lines, but probes has places for '
                f'{len(self.probes)}'
            )
        return lines

    def _line(self, index: int) -> Find:
        def find(lines: list[str]) -> Values:
            text = lines[index].strip()
            try:
                return Values(float(text or 'nan'))
            except ValueError:
                raise self._error(
                    f'line {index + 1}: {text[:40]!r} is not a number'
                )

        return find

    def _json(self, channel: str) -> Find:
        watts, energy, time = (
            template
            and jsonpath.Path(option, template.replace(CHANNEL, channel))
            for option in ('watts_path', 'energy_path', 'time_path')
            for template in [getattr(self.options, option)]
        )

        def find(document: object) -> Values:
            values = Values(
                *(
                    path.find(document, self._program) if path else None
                    for path in (watts, energy, time)
                )
            )
            if jsonpath.MISSING in values[:2] and not any(
                units.number(value) is not None for value in values[:2]
            ):
                raise self._error('the output has no value of this probe')
            if values.time is jsonpath.MISSING:
                raise self._error('the output has no time of this probe')
            return values

        return find

    def _samples(self, channel: str) -> Find:
        selectors = [
            template
            and prometheus_text.Selector(
                option, template.replace(CHANNEL, channel)
            )
            for option in ('watts_path', 'energy_path')
            for template in [getattr(self.options, option)]
        ]

        def find(page: prometheus_text.Page) -> Values:
            watts, energy = samples = [
                selector and selector.find(page, self._program)
                for selector in selectors
            ]
            if not any(samples):
                raise self._error('the output has no sample of this probe')
            times = [
                float(sample.timestamp)
                for sample in samples
                if sample and sample.timestamp is not None
            ]
            return Values(
                watts and watts.value,
                energy and energy.value,
                min(times, default=None),
            )

        return find

    def _reading(
        self, probe: str, values: Values
    ) -> measurement.Reading | None:
        monotonic = None
        if values.time is not None:
            monotonic = self._clock.to_monotonic(probe, values.time)
            if monotonic is None:
                return None
        return self._energy.reading(
            probe, values.watts, values.energy, monotonic
        )

    def _error(self, reason: str) -> exception.ProtocolError:
        return exception.ProtocolError(device=self._program, reason=reason)


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
