# SPDX-License-Identifier: Apache-2.0

"""Envelopes that travel on together.

A link far away takes a message per round trip; so what came in many messages
leaves in few.
"""

import collections.abc
import typing

from energy_meter.bus import envelope
from energy_meter.forwarder import route

#: A parcel gets no further envelope once its bodies have as many characters.
LIMIT = envelope.MAX_BODY


class Parcel(typing.NamedTuple):
    """What becomes one message.

    :ivar way: that all of it has come.
    """

    way: route.Route
    envelopes: list[dict[str, typing.Any]]


def pack(
    items: collections.abc.Iterable[tuple[route.Route, dict[str, typing.Any]]],
) -> list[Parcel]:
    """Pack envelopes that came the same way, keeping their order."""
    parcels: list[Parcel] = []
    current: dict[route.Route, Parcel] = {}
    sizes: dict[route.Route, int] = {}
    for way, item in items:
        if way not in current or sizes[way] >= LIMIT:
            current[way] = Parcel(way, [])
            sizes[way] = 0
            parcels.append(current[way])
        current[way].envelopes.append(item)
        sizes[way] += len(item['body'])
    return parcels
