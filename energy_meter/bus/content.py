# SPDX-License-Identifier: Apache-2.0

"""Content of a body, before its names and layouts are validated.

msgspec decodes and validates it in one pass. It rejects what Python's parser
accepts: ``NaN``, a boolean, ``1.0`` or an exponent as an integer, and integers
that are too large, whatever their number of digits.
"""

import json
import typing

import msgspec

from energy_meter import measurement
from energy_meter.bus import fields

_Integer = typing.Annotated[
    int, msgspec.Meta(ge=0, lt=measurement.INTEGER_LIMIT)
]
_Number = _Integer | typing.Annotated[float, msgspec.Meta(ge=0)] | None
_RegisterId = typing.Annotated[str, msgspec.Meta(pattern=r'^[0-9a-f]{16}\Z')]
#: Timestamp, elapsed time, energy or CPU times, metered time, watts, volts,
#: amperes, and whether it is a mark.
Row = tuple[
    _Integer,
    _Integer,
    _Integer | list[_Integer],
    _Integer,
    _Number,
    _Number,
    _Number,
    typing.Literal[0, 1],
]


class Register(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A register. Only one of CPU time has a layout, its ``usage``."""

    probe: str
    scope: str
    host: str
    register: _RegisterId
    quantity: typing.Literal['energy', 'cpu']
    after: tuple[_RegisterId, _Integer] | None
    synced: bool
    measurements: list[Row]
    usage: dict[str, typing.Any] | msgspec.UnsetType = msgspec.UNSET


class Body(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A body."""

    wattmeter: str
    driver: str
    registers: list[Register]


_DECODER = msgspec.json.Decoder(Body)
_BODY_KEYS = len(Body.__struct_fields__)
#: Without ``usage``.
_REGISTER_KEYS = len(Register.__struct_fields__) - 1


def parse(text: str) -> Body:
    """Return the content of a body.

    :raises RejectedMessage: if it breaks the format.
    """
    try:
        body = _DECODER.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        # The error may name a key of the text.
        raise fields.malformed(f'invalid body: {str(error)[:120]!a}')
    _check_keys(text, body)
    return body


def _check_keys(text: str, body: Body) -> None:
    """Check that no object of a body contains a key twice.

    Each key of the text has a colon, even one that occurs twice, of which
    only the last counts. Names may have colons as well, so with more of them
    than keys the text is parsed again, by a slower parser that shows each key.

    :raises RejectedMessage: if one does.
    """
    keys = _BODY_KEYS + _REGISTER_KEYS * len(body.registers)
    for register in body.registers:
        if register.usage is not msgspec.UNSET:
            keys += 1 + len(register.usage)
    if text.count(':') <= keys:
        return
    try:
        json.loads(text, object_pairs_hook=_reject_duplicate_keys)
    except (ValueError, RecursionError) as error:
        raise fields.malformed(f'body is not JSON: {error!s:.80}')


def _reject_duplicate_keys(
    pairs: list[tuple[str, object]],
) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise fields.malformed('an object contains a key twice')
    return result
