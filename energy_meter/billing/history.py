# SPDX-License-Identifier: Apache-2.0

"""What is known of one register.

Each field is a join (a maximum, a minimum, a union) over the measurements
that arrived, so neither their order nor repetitions matter. All times are
integers in ms.
"""

import dataclasses
import typing

from energy_meter import measurement

#: Number of classes of lags. A measurement belongs to the class of its
#: elapsed minute, modulo this number.
LAG_CLASSES = 5
#: Lag of a class in which no measurement has arrived.
NO_LAG = 2**62

#: Length of the elapsed time in one class.
LAG_CLASS_MS = 60_000


class First(typing.NamedTuple):
    """The measurement of the smallest elapsed time.

    :ivar timestamp: its time on the agent's wall clock, in ms.
    """

    elapsed: int
    timestamp: int


@dataclasses.dataclass(frozen=True, slots=True)
class RegisterHistory:
    """What is known of one register.

    :ivar agent_name: name of the agent, which orders registers that cover
        the same time.
    :ivar after: the register that this one follows; None if there is none.
    :ivar last: the largest elapsed time, energy and metered time. Each is a
        maximum of its own, so nothing that arrives reduces the energy.
    :ivar synced: whether the agent's clock was ever synchronized.
    :ivar lags: by class, the smallest difference in ms between the arrival
        of a measurement on the database's clock, and its elapsed time.
        :data:`NO_LAG` if none arrived.
    :ivar marks: points of the curve that were kept, by elapsed time.
    :ivar base: the last point before the horizon, where the curve begins.
    :ivar pinned_opened: the date at which it was opened, once a day of the
        probe was closed, or older marks were purged; None before that.
    :ivar voided: whether an operator voided it. It is not billed.
    """

    key: measurement.RegisterKey
    agent_name: str
    after: measurement.Predecessor | None
    first: First
    last: measurement.Point
    synced: bool
    lags: tuple[int, ...]
    marks: tuple[measurement.Point, ...] = ()
    base: measurement.Point = measurement.ORIGIN
    pinned_opened: int | None = None
    voided: bool = False


def lag_class(elapsed: int) -> int:
    """Return the class of the lag of a measurement."""
    return elapsed // LAG_CLASS_MS % LAG_CLASSES
