# SPDX-License-Identifier: Apache-2.0

"""What forged registers can claim of the time of an honest one.

The honest agent is ``b``. An attacker who knows its secret can choose any name
and UUID, and anything in a register.
"""

import dataclasses
import itertools

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import measurement
from energy_meter.billing import bill
from energy_meter.billing import cells
from energy_meter.tests.unit.billing import stories
from energy_meter.tests.unit.billing import test_properties
from energy_meter.tests.unit.billing.stories import CELL
from energy_meter.tests.unit.billing.stories import DAY
from energy_meter.tests.unit.billing.stories import HOUR
from energy_meter.tests.unit.billing.stories import MINUTE

#: ID of the honest register, which sorts before all others.
HONEST = '!'
#: Claims to follow the honest register, however long that continues.
FOLLOWS = measurement.Predecessor(HONEST, measurement.INTEGER_LIMIT - 1)

honest = strategies.builds(
    lambda start, length, watts, arrives: stories.register(
        DAY + start * MINUTE,
        DAY + (start + length) * MINUTE,
        'b',
        HONEST,
        watts=watts,
        arrives=arrives,
    ),
    start=strategies.integers(0, 60),
    length=strategies.integers(30, 240),
    watts=strategies.integers(0, 2_000),
    arrives=strategies.sampled_from([0, 0, DAY + 6 * HOUR]),
)


@strategies.composite
def forged(draw, agents):
    """Return registers that claim anything, some to follow the honest one."""
    return [
        dataclasses.replace(known, voided=False, after=after)
        for known in draw(test_properties.probes(agents))
        for after in [draw(strategies.sampled_from([known.after, FOLLOWS]))]
    ]


def energies(histories, dates):
    """Return what is billed of all registers between dates, in mJ."""
    result = bill.bill(histories)
    billed = [bill.energy_at(histories, result, date) for date in dates]
    return [later - earlier for earlier, later in itertools.pairwise(billed)]


def whole_cells(known):
    """Return the edges of the cells that a register covers as a whole."""
    opened = bill.bill([known]).openings[known.key].opened
    return range(cells.end_of(opened), opened + known.last.elapsed + 1, CELL)


class ClaimsTest(base.BaseTestCase):
    @hypothesis.given(honest, forged('cd'))
    def test_other_agents_neither_take_nor_add_energy(self, known, others):
        edges = whole_cells(known)

        billed = energies([known, *others], edges)

        self.assertNotEqual([], billed)
        self.assertEqual(energies([known], edges), billed)

    @hypothesis.given(honest, forged('a'))
    def test_another_agent_is_billed_instead_at_most(self, known, others):
        # The name of the other agent sorts first.
        edges = whole_cells(known)
        claimed = sum(each.last.millijoules for each in others)

        billed = energies([known, *others], edges)

        self.assertLessEqual(0, min(billed))
        self.assertLessEqual(
            sum(billed), sum(energies([known], edges)) + claimed
        )

    @hypothesis.given(honest, forged('b'))
    def test_successor_of_an_end_to_come_adds_nothing(self, known, others):
        # Under the UUID of the agent, which is not secret.
        edges = whole_cells(known)

        billed = energies([known, *others], edges)

        self.assertEqual(energies([known], edges), billed)

    @hypothesis.given(honest, forged('b'))
    def test_successor_adds_what_it_claims_at_most(self, known, others):
        # A register that has ended can be continued.
        after = stories.after(HONEST, known.last.elapsed)
        line = [dataclasses.replace(each, after=after) for each in others]
        claimed = sum(each.last.millijoules for each in line)

        total = bill.bill([known, *line]).total.millijoules

        self.assertLessEqual(known.last.millijoules, total)
        self.assertLessEqual(total, known.last.millijoules + claimed)
