# SPDX-License-Identifier: Apache-2.0

"""Validation of the fields of a message.

The checks compare exact types, because a JSON ``true`` would pass as the
number 1 otherwise.
"""

import collections.abc
import math
import typing

from energy_meter import exception
from energy_meter import measurement

_MAX_ID_LENGTH = 190


def malformed(detail: str) -> exception.RejectedMessage:
    """Return the error for a message that breaks the format."""
    return exception.RejectedMessage(reason='malformed', detail=detail)


def is_id(text: str) -> bool:
    """Return whether a text is valid as an id or a name.

    This applies to probes, hosts, wattmeters, drivers, agents and forwarders.
    """
    return (
        0 < len(text) <= _MAX_ID_LENGTH
        and text.isprintable()
        and text == text.strip()
    )


def check_id(value: object, name: str) -> str:
    """Return a value that is valid as an id.

    :param name: of the field.
    :raises RejectedMessage: if it is not valid.
    """
    if type(value) is not str or not is_id(value):
        raise malformed(
            f'{name} must be 1 to {_MAX_ID_LENGTH} printable characters'
        )
    return value


def check_choice(
    value: object, choices: collections.abc.Collection[str], name: str
) -> str:
    """Return a value that is one of several strings.

    :param name: of the field.
    :raises RejectedMessage: if it is not.
    """
    if type(value) is not str or value not in choices:
        raise malformed(f'{name} must be one of {", ".join(choices)}')
    return value


def check_object(
    value: object, keys: set[str], name: str
) -> dict[str, typing.Any]:
    """Return a value that is an object with exactly these keys.

    :raises RejectedMessage: if it is not.
    """
    if type(value) is not dict or value.keys() != keys:
        raise malformed(
            f'{name} must have exactly the fields {", ".join(sorted(keys))}'
        )
    return value


def check_list(value: object, name: str) -> list[typing.Any]:
    """Return a value that is a list.

    :raises RejectedMessage: if it is not.
    """
    if type(value) is not list:
        raise malformed(f'{name} is not a list')
    return value


def check_integer(value: object, name: str) -> int:
    """Return a value that is an integer from 0 to 2^53 - 1.

    :raises RejectedMessage: if it is not.
    """
    if type(value) is not int or not 0 <= value < measurement.INTEGER_LIMIT:
        raise malformed(f'{name} must be an integer from 0 to 2^53 - 1')
    return value


def check_number(value: object) -> None:
    """Check that a value is a finite number and not negative.

    :raises RejectedMessage: if it is not.
    """
    if type(value) is float:
        if math.isfinite(value) and value >= 0:
            return
    elif type(value) is int and 0 <= value < measurement.INTEGER_LIMIT:
        return
    raise malformed('a number must be finite and not negative')
