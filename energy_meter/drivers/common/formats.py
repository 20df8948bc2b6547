# SPDX-License-Identifier: Apache-2.0

"""Formats of documents: JSON, and Prometheus' text format."""

import collections.abc
import typing

from energy_meter import exception
from energy_meter.drivers.common import device_clock
from energy_meter.drivers.common import jsonpath
from energy_meter.drivers.common import prometheus_text

Settings = collections.abc.Mapping[str, typing.Any]


class Values(typing.NamedTuple):
    """Values of one channel in a document.

    :ivar watts: power; :data:`.jsonpath.MISSING` if the document has none.
    :ivar energy: energy counter; the same if the document has none.
    :ivar time: time of the measurement; None if no time is expected, and
        :data:`.jsonpath.MISSING` if one is, but the document has none.
    :ivar is_valid: False if the device marks the values as invalid.
    """

    watts: object
    energy: object = jsonpath.MISSING
    time: object = None
    is_valid: bool = True


class Channel(typing.Protocol):
    """Locates the values of one channel in a document."""

    def read(self, document: typing.Any, device: str) -> Values | None:
        """Return the values; None if they are unavailable.

        :param document: the document, as parsed by the format.
        :param device: name of the device for error texts.
        :raises ProtocolError: if a value is ambiguous or invalid.
        """


class JSONChannel:
    """Values of a JSON document, located by paths.

    :param settings: values of the options and the preset.
    :param channel: replaces ``{channel}`` in the paths.
    :param is_explicit: whether the device must have that channel. Otherwise,
        it may have a single value.
    :raises DriverError: if a path is invalid.
    """

    def __init__(
        self, settings: Settings, channel: str, is_explicit: bool
    ) -> None:
        self._settings = settings
        self._channel = channel
        records = settings['records_path'] or ''
        self._is_indexed = is_explicit and '{channel}' not in records
        self._records = self._path('records_path')
        self._watts = self._quantity('watts_path')
        self._energy = self._quantity('energy_path')
        self._time = self._path('time_path')
        self._valid = self._path('valid_path')
        if self._records is not None and self._time is None:
            raise exception.DriverError(
                reason='records_path: expected time_path, too, to find the '
                'newest record'
            )

    def read(self, document: object, device: str) -> Values | None:
        if self._records is not None:
            document = self._newest_record(document, device)
            if document is None:
                return None
        return Values(
            _find(self._watts, document, device),
            _find(self._energy, document, device),
            None if self._time is None else self._find_time(document, device),
            _find(self._valid, document, device) is not False,
        )

    def _find_time(self, document: object, device: str) -> object:
        """Return the time; a time of null is missing."""
        time = _find(self._time, document, device)
        return jsonpath.MISSING if time is None else time

    def _newest_record(self, document: object, device: str) -> object:
        """Return the newest record; None if there are none."""
        assert self._records is not None
        records = [
            (self._timestamp(record, device), record)
            for record in self._records.find_all(document, device)
        ]
        if not records:
            return None
        newest = max(timestamp for timestamp, _ in records)
        candidates = [
            record for timestamp, record in records if timestamp == newest
        ]
        if len(candidates) > 1:
            raise exception.ProtocolError(
                device=device,
                reason=f'records_path matches {len(candidates)} records of '
                'the same time, expected one',
            )
        return candidates[0]

    def _timestamp(self, record: object, device: str) -> float:
        time = self._find_time(record, device)
        timestamp = device_clock.parse(time)
        if timestamp is None:
            raise exception.ProtocolError(
                device=device,
                reason='a record has no time at time_path'
                if time is jsonpath.MISSING
                else f'{time!r} is not a time',
            )
        return timestamp

    def _path(self, option: str) -> jsonpath.Path | None:
        template = self._settings[option]
        if not template:
            return None
        return jsonpath.Path(
            option, template.replace('{channel}', self._channel)
        )

    def _quantity(self, option: str) -> jsonpath.Path | None:
        template = self._settings[option]
        if not template:
            return None
        return jsonpath.Quantity(
            option,
            template.replace('{channel}', self._channel),
            self._channel
            if self._is_indexed and '{channel}' not in template
            else None,
        )


class PrometheusChannel:
    """Samples in Prometheus' text format, selected by name and labels.

    The parameters are those of :class:`JSONChannel`.

    :raises DriverError: if a selector is invalid, or selects the same sample
        for each channel.
    """

    def __init__(
        self, settings: Settings, channel: str, is_explicit: bool
    ) -> None:
        self._selectors = []
        for option in ('watts_path', 'energy_path'):
            template = settings[option]
            if template and is_explicit and '{channel}' not in template:
                raise exception.DriverError(
                    reason=f'{option} = {template} selects the same sample '
                    'for each channel: expected {channel} in it'
                )
            self._selectors.append(
                template
                and prometheus_text.Selector(
                    option, template.replace('{channel}', channel)
                )
            )

    def read(
        self, document: prometheus_text.Page, device: str
    ) -> Values | None:
        samples = [
            selector and selector.find(document, device)
            for selector in self._selectors
        ]
        times = [
            float(sample.timestamp)
            for sample in samples
            if sample and sample.timestamp is not None
        ]
        watts, energy = (
            sample.value if sample else jsonpath.MISSING for sample in samples
        )
        return Values(watts, energy, min(times, default=None))


def _find(path: jsonpath.Path | None, document: object, device: str) -> object:
    return jsonpath.MISSING if path is None else path.find(document, device)


class Format(typing.NamedTuple):
    """A format of documents.

    :ivar name: name of the format for error texts.
    :ivar parse: function that parses a document, or raises ValueError.
    :ivar channel: class that locates the values of one channel.
    :ivar options: names of the options that locate values in this format.
    :ivar defaults: defaults of options that differ in this format.
    """

    name: str
    parse: collections.abc.Callable[[bytes], object]
    channel: collections.abc.Callable[[Settings, str, bool], Channel]
    options: frozenset[str]
    defaults: collections.abc.Mapping[str, typing.Any] = {}


_SELECTORS = frozenset({'channels', 'watts_path', 'energy_path'})

#: Formats by the value of the option ``format``.
FORMATS: collections.abc.Mapping[str, Format] = {
    'json': Format(
        'JSON',
        jsonpath.parse,
        JSONChannel,
        _SELECTORS | {'records_path', 'time_path', 'valid_path'},
    ),
    'prometheus': Format(
        "in Prometheus' text format",
        prometheus_text.Page,
        PrometheusChannel,
        _SELECTORS,
        {'energy_unit': 'J'},
    ),
}

#: Values of the option ``format`` with their help.
CHOICES = [
    ('json', 'JSON document.'),
    (
        'prometheus',
        "Prometheus' text format. watts_path and energy_path are "
        'NAME or NAME{LABEL="VALUE"}.',
    ),
]
