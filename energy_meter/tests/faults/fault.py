# SPDX-License-Identifier: Apache-2.0

"""What every fault is."""

import abc
import enum
import random

from energy_meter.tests.faults import installation


class Cost(enum.Enum):
    """What a fault may cost, at the most."""

    NOTHING = 'nothing'
    #: What was measured since the last publication.
    UNPUBLISHED = 'what was not published yet'
    #: Seconds for which nobody can tell the energy.
    COVERAGE = 'coverage'


class Fault(abc.ABC):
    """Something that goes wrong for a while.

    :cvar cost: what it may cost.
    :cvar least: seconds for which it must last to have an effect.

    :param chance: decides whatever is left to chance.
    """

    cost = Cost.NOTHING
    least = 0.0

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def prepare(self, site: installation.Installation) -> None:  # noqa: B027
        """Change the installation before it is started."""

    @abc.abstractmethod
    def begin(self, site: installation.Installation) -> None:
        """Let it go wrong."""

    @abc.abstractmethod
    def has_effect(self, site: installation.Installation) -> bool:
        """Tell, while it lasts, whether anything went wrong at all."""

    @abc.abstractmethod
    def end(self, site: installation.Installation) -> None:
        """Put it right; returns when it is."""
