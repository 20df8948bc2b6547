# SPDX-License-Identifier: Apache-2.0

"""Tests of the result table of a fault run."""

from oslotest import base as test_base

from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import table
from energy_meter.tests.faults import trial
from energy_meter.tests.faults import verdict

EXACT = verdict.Verdict(
    metered=1_000_000, unpublished=0, lost=0, doubled=0, uncovered=0.1
)


def row(cost=fault.Cost.NOTHING, **found):
    return table.Row(
        'some-fault',
        cost,
        trial.Outcome(
            10.0,
            EXACT._replace(**found),
            0.5,
            11.0,
            dict.fromkeys(installation.OURS, 2**26),
        ),
    )


class TableTest(test_base.BaseTestCase):
    def test_exact_energy_is_not_a_problem(self):
        self.assertEqual([], row().problems)

    def test_every_lost_or_doubled_millijoule_is_a_problem(self):
        for cost in set(fault.Cost) - {fault.Cost.HANDOVER}:
            self.assertEqual(['1 mJ were lost'], row(cost, lost=1).problems)
            self.assertEqual(
                ['1 mJ were billed twice'], row(cost, doubled=1).problems
            )

    def test_handovers_cost_no_more_than_is_allowed(self):
        for wrong in ('lost', 'doubled'):
            much = {wrong: table.HANDOVER + 1}
            little = {wrong: table.HANDOVER}

            self.assertEqual([], row(fault.Cost.HANDOVER, **little).problems)
            self.assertEqual(1, len(row(fault.Cost.HANDOVER, **much).problems))

    def test_energy_shown_too_early_is_a_problem_without_a_handover(self):
        self.assertEqual(['3 mJ were shown too early'], row(ahead=3).problems)
        self.assertEqual([], row(fault.Cost.HANDOVER, ahead=3).problems)

    def test_energy_missing_from_intervals_is_a_problem(self):
        for cost in fault.Cost:
            self.assertEqual(
                ['4 mJ are missing from the intervals'],
                row(cost, undated=4).problems,
            )

    def test_unpublished_energy_is_a_problem_unless_an_agent_was_killed(self):
        self.assertEqual(
            ['7 mJ were not published'], row(unpublished=7).problems
        )
        self.assertEqual(
            [], row(fault.Cost.UNPUBLISHED, unpublished=7).problems
        )

    def test_missing_coverage_is_a_problem_unless_expected(self):
        self.assertEqual(
            ['5.0 s were not covered'], row(uncovered=5.0).problems
        )
        self.assertEqual([], row(fault.Cost.COVERAGE, uncovered=5.0).problems)

    def test_installation_that_does_not_recover_is_a_problem(self):
        failed = table.Row('some-fault', fault.Cost.NOTHING, None, 'why')

        self.assertEqual(['why'], failed.problems)
        self.assertIn('some-fault: why', table.draw([failed]))
        self.assertEqual(['why'], table.document(failed)['problems'])

    def test_table_and_document_agree(self):
        killed = row(fault.Cost.UNPUBLISHED, unpublished=2_500)

        self.assertRegex(
            table.draw([killed]),
            r'some-fault .* 1000\.000 \| +2\.500 \| 0\.250%',
        )
        document = table.document(killed)
        self.assertEqual(
            (1000.0, 2.5, 0.0),
            (document['metered'], document['unpublished'], document['lost']),
        )
