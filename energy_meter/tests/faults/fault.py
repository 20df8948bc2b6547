# SPDX-License-Identifier: Apache-2.0

"""Base class of all faults."""

import abc
import enum
import random

from energy_meter.tests.faults import installation


class Cost(enum.Enum):
    """Maximum cost that a fault may have."""

    NOTHING = 'nothing'
    #: Energy measured after the last publication.
    UNPUBLISHED = 'unpublished energy'
    #: Seconds whose energy is unknown.
    COVERAGE = 'coverage'
    #: Energy around the beginning and end of an agent's metering beside
    #: another agent, as their registers are matched by date.
    HANDOVER = 'hand-over'


class Fault(abc.ABC):
    """A failure that begins and ends.

    :cvar cost: maximum cost.
    :cvar min_duration_s: seconds that it must last to have an effect.

    :param rng: source of all randomness.
    """

    cost = Cost.NOTHING
    min_duration_s = 0.0

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def prepare(self, site: installation.Installation) -> None:  # noqa: B027
        """Change the installation before it starts."""

    @abc.abstractmethod
    def begin(self, site: installation.Installation) -> None:
        """Inject the fault."""

    @abc.abstractmethod
    def has_effect(self, site: installation.Installation) -> bool:
        """Check, before the fault ends, that it had an effect."""

    @abc.abstractmethod
    def end(self, site: installation.Installation) -> None:
        """Repair the fault, and return when the repair is complete."""
