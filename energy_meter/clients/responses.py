# SPDX-License-Identifier: Apache-2.0

"""Responses with energy: their pages, and the values of their fields."""

import collections.abc
import datetime
import re
import typing
import urllib.parse

from energy_meter import exception
from energy_meter.clients import validation

Body = dict[str, typing.Any]

#: Returns the value of a field; raises ValueError if it is invalid.
Convert = collections.abc.Callable[[typing.Any], typing.Any]

_MILLIJOULES = re.compile('-?[0-9]{1,20}')


class Page(typing.Protocol):
    """Part of a response."""

    @property
    def next_query(self) -> str | None:
        """Query of the next page; None if this is the last one."""


_Page = typing.TypeVar('_Page', bound=Page)


def pages(
    get: collections.abc.Callable[[str], tuple[str, Body]],
    path: str,
    parameters: dict[str, str],
    parse: collections.abc.Callable[[str, Body], _Page],
) -> collections.abc.Iterator[_Page]:
    """Yield the pages of a response; request each when it is needed.

    Of the URL of the next page only the query is used: a proxy may have
    changed the rest, and the token must not be sent to another host.

    :param get: returns the URL and the JSON object of a path with a query.
    :param parse: returns the page that a JSON object contains.
    :raises energy_meter.exception.InvalidResponse: if a response is not a
        page.
    """
    query: str | None = urllib.parse.urlencode(parameters)
    requested = set()
    while query is not None:
        requested.add(query)
        url, body = get(f'{path}?{query}')
        page = parse(url, body)
        yield page
        query = page.next_query
        if query in requested:
            raise exception.InvalidResponse(
                url=url, reason='the next page is an earlier one'
            )


def values(
    url: str,
    owner: str,
    fields: object,
    conversions: collections.abc.Mapping[str, Convert],
) -> dict[str, typing.Any]:
    """Return the validated values of the fields of a JSON object.

    :param owner: of the fields, for the message.
    :raises energy_meter.exception.InvalidResponse: if one is invalid.
    """
    if not isinstance(fields, dict):
        raise exception.InvalidResponse(
            url=url, reason=f'{owner} is missing or not an object'
        )
    found = {}
    for field, convert in conversions.items():
        try:
            found[field] = convert(fields.get(field))
        except ValueError:
            raise exception.InvalidResponse(
                url=url,
                reason=f'invalid "{field}" of {owner}: '
                f'{validation.one_line(repr(fields.get(field)))}',
            )
    return found


def checked(
    is_valid: collections.abc.Callable[[typing.Any], bool],
) -> Convert:
    """Return a function that returns a valid value as it is."""

    def convert(value: object) -> object:
        if not is_valid(value):
            raise ValueError
        return value

    return convert


def optional(convert: Convert) -> Convert:
    """Return a function that converts a value unless it is None."""
    return lambda value: None if value is None else convert(value)


def date(value: object) -> datetime.datetime:
    """Return a date in UTC."""
    if not isinstance(value, str):
        raise ValueError
    found = datetime.datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError
    try:
        return found.astimezone(datetime.UTC)
    except OverflowError:
        raise ValueError


def millijoules(value: object) -> int:
    """Return an amount of energy, which is a string.

    JSON's numbers are exact up to 2**53 only.
    """
    if not isinstance(value, str) or not _MILLIJOULES.fullmatch(value):
        raise ValueError
    return int(value)


def names(value: object) -> tuple[str, ...]:
    """Return a list of texts."""
    if not isinstance(value, list) or not all(map(validation.is_text, value)):
        raise ValueError
    return tuple(value)


def query(value: object) -> str:
    """Return the query of a URL."""
    if not isinstance(value, str):
        raise ValueError
    return urllib.parse.urlsplit(value).query


number = checked(validation.is_number)
integer = checked(lambda value: type(value) is int)
name = checked(validation.is_text)
text = checked(lambda value: value == '' or validation.is_text(value))
