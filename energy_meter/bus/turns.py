# SPDX-License-Identifier: Apache-2.0

"""Turns of those who send messages, so that no flood delays other agents.

Only a signature shows who sent a message. So an agent with its own secret has
a turn, all holders of the shared secret have one together, and so have all
messages without a valid signature. Holders of the shared secret choose the
names of their agents, which take turns among themselves.
"""

import collections
import collections.abc
import operator
import typing

_T = typing.TypeVar('_T')


class Sender(typing.NamedTuple):
    """Who sent a message.

    :ivar principal: name of the agent with its own secret, or '' for a holder
        of the shared secret; None if the signature was not verified.
    :ivar agent: name of the agent.
    """

    principal: str | None
    agent: str


UNVERIFIED = Sender(None, '')


def main_sender(
    envelopes: collections.abc.Iterable[object],
    sender_of: collections.abc.Callable[[object], Sender],
) -> Sender:
    """Return the sender of most of the envelopes of a message.

    Forwarders send envelopes of several agents in one message.
    """
    counts = collections.Counter(map(sender_of, envelopes))
    return max(counts, key=counts.__getitem__, default=UNVERIFIED)


def take_turns(
    waiting: collections.abc.Iterable[_T],
    sender_of: collections.abc.Callable[[_T], Sender],
) -> list[_T]:
    """Return messages in the order in which they are handled.

    :param waiting: in the order of their arrival, or as :func:`rotate`
        returned them.
    """
    by_agent = _alternate(waiting, sender_of)
    return _alternate(by_agent, lambda message: sender_of(message).principal)


def rotate(
    waiting: collections.abc.Iterable[_T],
    sender_of: collections.abc.Callable[[_T], Sender],
    served: collections.abc.Set[Sender],
) -> list[_T]:
    """Return the messages that still wait, so that others have the next turn.

    :param served: senders of which messages were taken.
    """
    principals = {sender.principal for sender in served}

    def was_served(message: _T) -> tuple[bool, bool]:
        sender = sender_of(message)
        return sender.principal in principals, sender in served

    return sorted(waiting, key=was_served)


def _alternate(
    waiting: collections.abc.Iterable[_T],
    key: collections.abc.Callable[[_T], object],
) -> list[_T]:
    """Return the first message of each key, then the second, and so on."""
    counts: collections.Counter[object] = collections.Counter()
    ranked = []
    for message in waiting:
        group = key(message)
        ranked.append((counts[group], message))
        counts[group] += 1
    ranked.sort(key=operator.itemgetter(0))
    return [message for _, message in ranked]
