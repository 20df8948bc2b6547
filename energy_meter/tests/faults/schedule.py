# SPDX-License-Identifier: Apache-2.0

"""When which fault strikes.

Everything that is random in a run comes from its schedule, and all of that
from one seed: the same seed gives the same schedule.
"""

import collections.abc
import random
import typing

#: Longest time, in seconds, for which all goes well before a fault.
LONGEST_LEAD = 2.0
#: How much longer or shorter than asked for a fault lasts.
SPREAD = 0.2


class Injection(typing.NamedTuple):
    """One fault at one time.

    :ivar fault: its name.
    :ivar lead: seconds for which all goes well before.
    :ivar duration: seconds for which it lasts.
    :ivar seed: of whatever the fault itself leaves to chance.
    """

    fault: str
    lead: float
    duration: float
    seed: int


def draw(
    seed: int, names: collections.abc.Iterable[str], duration: float
) -> list[Injection]:
    """Draw a schedule.

    What is drawn for a fault does not depend on which others are named, so
    that a row of a table can be had again alone.

    :param names: of the faults, in their order.
    :param duration: about how long each fault lasts, in seconds.
    """
    return [
        _draw_one(
            random.Random(f'{seed} {name}'),
            name,  # noqa: S311
            duration,
        )
        for name in names
    ]


def _draw_one(chance: random.Random, name: str, duration: float) -> Injection:
    return Injection(
        name,
        chance.uniform(0, LONGEST_LEAD),
        duration * chance.uniform(1 - SPREAD, 1 + SPREAD),
        chance.getrandbits(32),
    )
