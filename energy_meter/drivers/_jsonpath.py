# SPDX-License-Identifier: Apache-2.0


"""Where the quantities are in a JSON document."""

import collections
import collections.abc
import json
import typing

import jsonpath_ng
import jsonpath_ng.exceptions
import jsonpath_ng.ext
from oslo_config import cfg

from energy_meter import exception
from energy_meter.drivers import _quantity

#: Stands for a value that the document doesn't have.
MISSING: typing.Final = object()

OPTS = (
    cfg.StrOpt('watts_path', help='JSONPath of the power in watts.'),
    cfg.StrOpt('energy_path', help='JSONPath of the energy counter.'),
    cfg.StrOpt(
        'energy_unit',
        choices=sorted(_quantity.JOULES),
        help='Unit of the energy counter: kWh unless a preset says otherwise.',
    ),
    cfg.FloatOpt(
        'energy_step',
        min=1e-9,
        help='Smallest movement of the energy counter, in its '
        'unit: 0.001 unless a preset says otherwise.',
    ),
)


def settings(
    options: typing.Any,
    preset: collections.abc.Mapping[str, object],
    defaults: collections.abc.Mapping[str, object],
) -> collections.abc.Mapping[str, typing.Any]:
    """Give the values of the options that a preset may choose.

    An option that is set goes before the preset, the preset before the
    default.

    :param defaults: one for each of these options.
    """
    chosen = {
        name: getattr(options, name)
        for name in defaults
        if getattr(options, name) is not None
    }
    return collections.ChainMap(chosen, dict(preset), dict(defaults))


class Path:
    """A JSONPath that leads to one value.

    :param option: name of the option that holds it.
    :param text: the path.
    :raises DriverError: when it is none.
    """

    def __init__(self, option: str, text: str) -> None:
        self._name = f'{option} = {text}'
        try:
            self._path = jsonpath_ng.ext.parse(text)
        except jsonpath_ng.exceptions.JSONPathError as e:
            raise exception.DriverError(
                reason=f'{self._name} is no JSONPath: {e}'
            )

    def find(self, document: object, device: str) -> object:
        """Give the value in a document, :data:`MISSING` if it has none.

        :param device: what to call the device in an error.
        :raises ProtocolError: when there are several.
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
    """Parse JSON.

    :raises ValueError: when it is none.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError('nested too deeply')
