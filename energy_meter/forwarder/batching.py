# SPDX-License-Identifier: Apache-2.0

"""Batches of envelopes that are forwarded in one message.

Every message costs a round trip to the destination. On a link with high
latency, few large messages are therefore faster than many small ones.
"""

import collections.abc
import typing

from energy_meter.bus import envelope as bus_envelope
from energy_meter.bus import message
from energy_meter.forwarder import route as forwarder_route


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
    by_route: dict[forwarder_route.Route, list[bus_envelope.Envelope]] = {}
    for route, envelope in envelopes:
        by_route.setdefault(route, []).append(envelope)
    return [
        Batch(route, part)
        for route, selected in by_route.items()
        for part in message.split(selected)
    ]
