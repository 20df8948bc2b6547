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
from energy_meter.drivers.common import units

#: Returned for a value that the document does not contain.
MISSING: typing.Final = object()

OPTS = (
    cfg.StrOpt('watts_path', help='JSONPath of the power in watts.'),
    cfg.StrOpt('energy_path', help='JSONPath of the energy counter.'),
    cfg.StrOpt(
        'energy_unit',
        choices=sorted(units.JOULES),
        help='Unit of the energy counter. The default is that of the preset, '
        'or kWh.',
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
        values = [match.value for match in self._path.find(document)]
        if len(values) > 1:
            raise exception.ProtocolError(
                device=device,
                reason=f'{self._name} matches {len(values)} '
                'values, expected one',
            )
        return values[0] if values else MISSING


def parse(text: bytes | bytearray) -> object:
    """Parse a JSON document.

    :raises ValueError: if it is not valid JSON, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError('nested too deeply')
