# SPDX-License-Identifier: Apache-2.0

"""Checks of responses, which are untrusted."""

import typing

from energy_meter import exception

_MAX_NUMBER = 1e18
_MAX_TEXT_LENGTH = 500


def one_line(text: object) -> str:
    """Return untrusted text as a single line of limited length."""
    return ' '.join(str(text)[:_MAX_TEXT_LENGTH].split())


def member(
    url: str, body: dict[str, typing.Any], name: str, expected: type
) -> typing.Any:
    """Return a member of a JSON object.

    :raises energy_meter.exception.InvalidResponse: if it is missing or not of
        the expected type.
    """
    value = body.get(name)
    if not isinstance(value, expected):
        raise exception.InvalidResponse(
            url=url,
            reason=f'"{one_line(name)}" is missing or not of type '
            f'{expected.__name__}',
        )
    return value


def is_number(value: object) -> bool:
    """Return whether a value is a number of a possible size."""
    # The comparison is also false for NaN.
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < _MAX_NUMBER
    )


def is_text(value: object) -> bool:
    """Return whether a value is a printable string that is not empty."""
    return isinstance(value, str) and value != '' and value.isprintable()
