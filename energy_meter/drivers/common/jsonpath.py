# SPDX-License-Identifier: Apache-2.0

"""Quantities in a JSON document, located by JSONPath."""

import collections
import collections.abc
import json
import typing

import jsonpath_ng
import jsonpath_ng.exceptions
import jsonpath_ng.ext.parser
from oslo_config import cfg

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import units

#: Returned for a value that the document does not contain.
MISSING: typing.Final = object()

OPTS = (
    cfg.StrOpt('watts_path', help='JSONPath of the power.'),
    cfg.StrOpt(
        'watts_unit',
        choices=sorted(units.WATTS),
        help='Unit of the power. The default is W.',
    ),
    cfg.StrOpt('energy_path', help='JSONPath of the energy counter.'),
    cfg.StrOpt(
        'energy_unit',
        choices=sorted(units.JOULES),
        help='Unit of the energy counter. The default is that of the preset '
        'or of the format, or kWh.',
    ),
    cfg.FloatOpt(
        'energy_step',
        min=1e-9,
        help='Smallest increment of the energy counter, in its unit. The '
        'default is that of the preset, or 0.001.',
    ),
)


def settings(
    options: typing.Any,
    preset: collections.abc.Mapping[str, object],
    defaults: collections.abc.Mapping[str, object],
) -> collections.abc.Mapping[str, typing.Any]:
    """Return the values of the options that a preset may set.

    Explicitly set options take precedence over the preset, and the preset
    takes precedence over the defaults.

    :param defaults: default of each option that a preset may set.
    """
    explicit = {
        name: getattr(options, name)
        for name in defaults
        if getattr(options, name) is not None
    }
    return collections.ChainMap(explicit, dict(preset), dict(defaults))


class Path:
    """JSONPath of a single value.

    :param option: name of the option that contains the path.
    :param text: the path.
    :raises DriverError: if it is not a valid JSONPath.
    """

    def __init__(self, option: str, text: str) -> None:
        self._name = f'{option} = {text}'
        try:
            self._path = jsonpath_ng.ext.parser.parse(text)
        except jsonpath_ng.exceptions.JSONPathError as e:
            raise exception.DriverError(
                reason=f'{self._name} is not a JSONPath: {e}'
            )

    def find(self, document: object, device: str) -> object:
        """Return the value in a document, or :data:`MISSING`.

        :param device: name of the device for error texts.
        :raises ProtocolError: if the path matches several values.
        """
        values = self.find_all(document, device)
        if len(values) > 1:
            raise exception.ProtocolError(
                device=device,
                reason=f'{self._name} matches {len(values)} '
                'values, expected one',
            )
        return values[0] if values else MISSING

    def find_all(self, document: object, device: str) -> list[object]:
        """Return all matching values in a document.

        :raises ProtocolError: if there are more than
            :data:`.bounds.MAX_MATCHES`.
        """
        values = [match.value for match in self._path.find(document)]
        if len(values) > bounds.MAX_MATCHES:
            raise exception.ProtocolError(
                device=device,
                reason=f'{self._name} matches more than '
                f'{bounds.MAX_MATCHES} values',
            )
        return values


class Quantity(Path):
    """JSONPath of a number, or of a list of the numbers of all channels.

    A device with several channels reports either a list, or one value for all
    of them. That one value belongs to none of the channels: metering it for
    each would bill it several times.

    :param channel: the channel to take from a list; None if the path names
        it, or the device has only one.
    """

    def __init__(
        self, option: str, text: str, channel: str | None = None
    ) -> None:
        super().__init__(option, text)
        self._channel = channel

    def find(self, document: object, device: str) -> object:
        """Return the value of the channel in a document, or :data:`MISSING`.

        :raises ProtocolError: if the document has no such channel, or several
            of which none was chosen.
        """
        value = super().find(document, device)
        if isinstance(value, list):
            return self._element(value, device)
        if isinstance(value, dict):
            raise self._error(device, 'is an object, expected a number')
        if self._channel is None or value is None or value is MISSING:
            return value
        raise self._error(
            device,
            f'is a single value, not that of channel {self._channel}: '
            'expected a list, or {channel} in the path',
        )

    def _element(self, values: list[object], device: str) -> object:
        count = f'is a list of {len(values)} values'
        if self._channel is None:
            if len(values) == 1:
                return values[0]
            raise self._error(device, f'{count}: choose one as the channel')
        if (
            not self._channel.isdecimal()
            or not self._channel.isascii()
            or int(self._channel) >= len(values)
        ):
            raise self._error(
                device, f'{count}, without channel {self._channel}'
            )
        return values[int(self._channel)]

    def _error(self, device: str, reason: str) -> exception.ProtocolError:
        return exception.ProtocolError(
            device=device, reason=f'{self._name} {reason}'
        )


def parse(text: bytes | bytearray) -> object:
    """Parse a JSON document.

    :raises ValueError: if it is not valid JSON, is nested deeper than
        :data:`.bounds.MAX_JSON_DEPTH`, or has more values than
        :data:`.bounds.MAX_JSON_VALUES`.
    """
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError('nested too deeply')
    _check_size(document)
    return document


def _check_size(document: object) -> None:
    """Check a document level by level, without recursion."""
    level = [document]
    count = depth = 0
    while level:
        count += len(level)
        depth += 1
        if depth > bounds.MAX_JSON_DEPTH:
            raise ValueError('nested too deeply')
        if count > bounds.MAX_JSON_VALUES:
            raise ValueError(f'more than {bounds.MAX_JSON_VALUES} values')
        level = [child for parent in level for child in _children(parent)]


def _children(value: object) -> collections.abc.Collection[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
