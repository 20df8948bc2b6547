# SPDX-License-Identifier: Apache-2.0

"""Values and ranges of SNMP objects."""

import collections.abc
import fractions
import re
import typing

from pyasn1.type import univ

from energy_meter.drivers.common import bounds
from energy_meter.drivers.snmp import engine

Oid = engine.Oid
Value: typing.TypeAlias = engine.Value

#: A decimal number as text. Some devices pad it with spaces or a NUL.
_NUMBER = re.compile(rb'[ \0]*(-?[0-9]{1,20}(?:\.[0-9]{1,20})?)[ \0]*')

#: Exclusive upper limit of the numbers in an object identifier.
SUBIDENTIFIER_LIMIT = 2**32


class Range(typing.NamedTuple):
    """Objects after one object identifier, up to and including another."""

    after: Oid
    last: Oid

    @classmethod
    def below(cls, oid: Oid) -> 'Range':
        """Return the range of all objects below an object identifier."""
        return cls(oid, (*oid, SUBIDENTIFIER_LIMIT))


def number(value: Value) -> int | fractions.Fraction | None:
    """Return the number in a value; None if it is not a number.

    Some devices send numbers as text. Text with anything but a decimal number
    is not a number: ``101 W`` or ``1e3`` may mean something else.
    """
    if isinstance(value, int):
        return value
    if isinstance(value, bytes) and (match := _NUMBER.fullmatch(value)):
        return fractions.Fraction(match[1].decode('ascii'))
    return None


def decode(
    varbinds: collections.abc.Iterable[tuple[typing.Any, typing.Any]],
) -> list[tuple[Oid, Value]]:
    """Return the names and values of variable bindings."""
    return [(oid.asTuple(), _decode_value(value)) for oid, value in varbinds]


def _decode_value(value: object) -> Value:
    if isinstance(value, univ.Integer):
        return int(value)
    if isinstance(value, univ.ObjectIdentifier):
        return tuple(value)
    # pyasn1's Null means "no value", but is a subclass of OctetString.
    if isinstance(value, univ.OctetString) and not isinstance(
        value, univ.Null
    ):
        return bytes(value)[: bounds.MAX_SNMP_TEXT_BYTES]
    return None
