# SPDX-License-Identifier: Apache-2.0

"""The route of a message: the forwarders that it has passed.

The route is in the context of the message. It is not signed, because each
forwarder appends its name. A forged route can make forwarders drop the
message, or forward it until the limit of hops, but nothing else.
"""

import collections.abc
import typing

from energy_meter.bus import fields

_KEY = 'energy_meter_route'


class Route(typing.NamedTuple):
    """The route of a message.

    :ivar names: of the forwarders that it has passed, the first one first.
    """

    names: tuple[str, ...]

    def extend(self, name: str) -> 'Route':
        """Return the route with one more forwarder."""
        return Route((*self.names, name))

    def context(self) -> dict[str, object]:
        """Return the context of a message with this route."""
        return {_KEY: list(self.names)}


def read(context: collections.abc.Mapping[str, object]) -> Route:
    """Read the route of a message from its context.

    :raises RejectedMessage: if it is not a list of valid names.
    """
    names = context.get(_KEY, [])
    if not isinstance(names, list) or not all(
        isinstance(name, str) and fields.is_id(name) for name in names
    ):
        raise fields.malformed(f'{_KEY} must be a list of names')
    return Route(tuple(names))
