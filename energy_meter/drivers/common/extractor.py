# SPDX-License-Identifier: Apache-2.0

"""Extractor of readings from a document, and its options."""

import collections.abc
import logging
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.common import device_clock
from energy_meter.drivers.common import formats
from energy_meter.drivers.common import jsonpath
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.common import units

OPTS = (
    cfg.ListOpt(
        'channels',
        default=[],
        help='Value of {channel} in the paths for each probe, in the '
        'order of the probes. The default is 0, 1, 2 ...',
    ),
    *jsonpath.OPTS,
    cfg.StrOpt(
        'records_path',
        help='JSONPath of the records of a probe, of which the newest is '
        'read. The other paths are then relative to a record.',
    ),
    cfg.StrOpt(
        'time_path',
        help='JSONPath of the time of the measurement: seconds since the '
        'epoch or ISO 8601, in UTC unless it has a time zone.',
    ),
    cfg.StrOpt(
        'valid_path',
        help='JSONPath of a value that is false while power and energy are '
        'invalid.',
    ),
    cfg.FloatOpt(
        'max_age',
        default=120.0,
        min=0.1,
        help='Maximum age in seconds of a measurement with a time. Older '
        'ones are stale and not read.',
    ),
)

#: Default of each option that a preset or a format may set.
DEFAULTS: collections.abc.Mapping[str, typing.Any] = {
    'watts_path': None,
    'watts_unit': 'W',
    'energy_path': None,
    'energy_unit': 'kWh',
    'energy_step': 0.001,
    'records_path': None,
    'time_path': None,
    'valid_path': None,
}


class Source(typing.NamedTuple):
    """Source of documents, for error texts.

    :ivar device: name of the device.
    :ivar document: what its documents are called, for example ``page``.
    """

    device: str
    document: str

    def error(self, reason: str) -> exception.ProtocolError:
        """Return an error of the device, for the caller to raise."""
        return exception.ProtocolError(device=self.device, reason=reason)


class Extractor:
    """Extracts the reading of each probe from documents.

    :param source: source of the documents.
    :param options: values of :data:`OPTS` and of ``format``, as attributes.
    :param probes: as in :class:`energy_meter.drivers.base.Driver`.
    :param log: logger of the driver.
    :param known_formats: formats by the value of ``format``.
    :param preset: values of options that are not set; None if the driver has
        no presets.
    :raises DriverError: if the options are invalid.
    """

    def __init__(
        self,
        source: Source,
        options: typing.Any,
        probes: collections.abc.Sequence[str | None],
        log: logging.Logger | logging.LoggerAdapter[typing.Any],
        known_formats: collections.abc.Mapping[
            str, formats.Format
        ] = formats.FORMATS,
        preset: collections.abc.Mapping[str, typing.Any] | None = None,
    ) -> None:
        self._source = source
        self._format = known_formats[options.format]
        _check_options(options, preset or {}, known_formats)
        settings = jsonpath.settings(
            options, preset or {}, {**DEFAULTS, **self._format.defaults}
        )
        if self._format.options and not (
            settings['watts_path'] or settings['energy_path']
        ):
            a_preset = '' if preset is None else 'a preset, '
            raise exception.DriverError(
                f'expected {a_preset}watts_path or energy_path'
            )
        names = options.channels or (preset or {}).get('channels')
        self._channels = self._assign(settings, names, options, probes)
        self._energy = units.EnergyScale(
            settings['energy_unit'],
            settings['energy_step'],
            settings['watts_unit'],
        )
        self._clock = device_clock.DeviceClock(source.device, options.max_age)
        self._probe_reader = per_probe.ProbeReader(log)

    def read(self, text: bytes) -> list[measurement.Reading]:
        """Return the readings of the probes that a document has values of.

        :param text: the document.
        :raises ProtocolError: if it does not have the format.
        :raises DriverError: if all probes failed: the error of the first.
        """
        try:
            document = self._format.parse(text)
        except ValueError as e:
            raise self._source.error(
                f'the {self._source.document} is not {self._format.name}: {e}'
            )
        return self._probe_reader.read(
            self._channels,
            lambda probe, channel: self._reading(
                probe, channel.read(document, self._source.device)
            ),
        )

    def _assign(
        self,
        settings: formats.Settings,
        names: collections.abc.Sequence[str] | None,
        options: typing.Any,
        probes: collections.abc.Sequence[str | None],
    ) -> dict[str, formats.Channel]:
        # A single probe without a channel may meter a device without any.
        is_explicit = bool(options.channels) or len(probes) > 1
        assigned = per_probe.assign(
            'channels', names or list(map(str, range(len(probes)))), probes
        )
        per_probe.check_distinct('channels', assigned)
        return {
            probe: self._format.channel(settings, name, is_explicit)
            for probe, name in assigned.items()
        }

    def _reading(
        self, probe: str, values: formats.Values | None
    ) -> measurement.Reading | None:
        if values is None or not values.is_valid:
            return None
        document = self._source.document
        if values.watts is values.energy is jsonpath.MISSING:
            raise self._source.error(
                f'the {document} has neither power nor energy of probe {probe}'
            )
        if values.time is jsonpath.MISSING:
            raise self._source.error(
                f'the {document} has no time of probe {probe} at time_path'
            )
        monotonic = None
        if values.time is not None:
            monotonic = self._clock.to_monotonic(probe, values.time)
            if monotonic is None:
                return None
        return self._energy.reading(
            probe, values.watts, values.energy, monotonic
        )


def _check_options(
    options: typing.Any,
    preset: collections.abc.Mapping[str, typing.Any],
    known_formats: collections.abc.Mapping[str, formats.Format],
) -> None:
    """Check that the format uses each option that locates values.

    Without a check, an ignored time_path would bill stale values.

    :raises DriverError: if an option has no effect.
    """
    located = {
        option for known in known_formats.values() for option in known.options
    }
    for option in sorted(located - known_formats[options.format].options):
        if getattr(options, option) or preset.get(option):
            names = ' or '.join(
                name
                for name, known in known_formats.items()
                if option in known.options
            )
            raise exception.DriverError(f'{option}: expected format = {names}')
