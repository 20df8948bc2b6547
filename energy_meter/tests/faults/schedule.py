# SPDX-License-Identifier: Apache-2.0

"""Schedule of a fault run.

All randomness of a run comes from its schedule, and the schedule from one
seed: the same seed produces the same schedule.
"""

import collections.abc
import random
import typing

#: Maximum seconds of normal operation before a fault.
MAX_LEAD_S = 2.0
#: Maximum relative deviation of the duration of a fault.
SPREAD = 0.2


class Injection(typing.NamedTuple):
    """One fault at one time.

    :ivar fault: name of the fault.
    :ivar lead: seconds of normal operation before it.
    :ivar duration: seconds between its injection and its repair.
    :ivar seed: seed of the randomness inside the fault.
    """

    fault: str
    lead: float
    duration: float
    seed: int


def draw(
    seed: int, names: collections.abc.Iterable[str], duration: float
) -> list[Injection]:
    """Draw a schedule.

    The draw for a fault does not depend on the other faults, so that one row
    of a table can be reproduced alone.

    :param names: names of the faults, in order.
    :param duration: approximate duration of each fault, in seconds.
    """
    return [
        _draw_one(
            random.Random(f'{seed} {name}'),
            name,
            duration,
        )
        for name in names
    ]


def _draw_one(rng: random.Random, name: str, duration: float) -> Injection:
    return Injection(
        name,
        rng.uniform(0, MAX_LEAD_S),
        duration * rng.uniform(1 - SPREAD, 1 + SPREAD),
        rng.getrandbits(32),
    )
