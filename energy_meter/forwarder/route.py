# SPDX-License-Identifier: Apache-2.0

"""The way that a message has come: which forwarders it has passed.

It is written on the outside of the message, unsigned, as each forwarder adds
to it. Whoever forges it can make forwarders drop a message or carry it round
until the limit of hops, no more.
"""

import collections.abc
import typing

from energy_meter import exception
from energy_meter.bus import envelope

_KEY = 'energy_meter_route'


class Route(typing.NamedTuple):
    """The way of a message.

    :ivar names: of the forwarders that it has passed, the first one first.
    """

    names: tuple[str, ...]

    def extend(self, name: str) -> 'Route':
        """Give the way with one more forwarder."""
        return Route((*self.names, name))

    def context(self) -> dict[str, object]:
        """Write it on the outside of a message."""
        return {_KEY: list(self.names)}


def read(context: collections.abc.Mapping[str, object]) -> Route:
    """Read the way of a message from its outside.

    :raises RejectedMessage: when no forwarder wrote that.
    """
    names = context.get(_KEY, [])
    if not isinstance(names, list) or not all(
        isinstance(name, str) and envelope.is_id(name) for name in names
    ):
        raise exception.RejectedMessage(
            cause='malformed', reason=f'{_KEY} must be a list of names'
        )
    return Route(tuple(names))
