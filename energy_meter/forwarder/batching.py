# SPDX-License-Identifier: Apache-2.0

"""Batches of envelopes that are forwarded in one message.

Every message costs a round trip to the destination. On a link with high
latency, few large messages are therefore faster than many small ones.
"""

import collections.abc
import typing

from energy_meter.bus import envelope as bus_envelope
from energy_meter.forwarder import route as forwarder_route

#: A batch is full when its bodies have this many characters.
MAX_LENGTH = bus_envelope.MAX_BODY_BYTES


class Batch(typing.NamedTuple):
    """The content of one message.

    :ivar route: that all of its envelopes have taken.
    """

    route: forwarder_route.Route
    envelopes: list[bus_envelope.Envelope]


def group_by_route(
    envelopes: collections.abc.Iterable[
        tuple[forwarder_route.Route, bus_envelope.Envelope]
    ],
) -> list[Batch]:
    """Group envelopes by their route, and keep their order."""
    batches: list[Batch] = []
    current: dict[forwarder_route.Route, Batch] = {}
    lengths: dict[forwarder_route.Route, int] = {}
    for route, envelope in envelopes:
        if route not in current or lengths[route] >= MAX_LENGTH:
            current[route] = Batch(route, [])
            lengths[route] = 0
            batches.append(current[route])
        current[route].envelopes.append(envelope)
        lengths[route] += len(envelope['body'])
    return batches
