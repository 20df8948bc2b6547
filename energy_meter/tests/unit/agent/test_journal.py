# SPDX-License-Identifier: Apache-2.0

"""The journal is what a killed agent leaves to its next incarnation."""

import pathlib

import fixtures
from oslotest import base

from energy_meter import counters
from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import journal
from energy_meter.agent import ledger
from energy_meter.agent import state


def settings(probe):
    return ledger.Settings(
        measurement.Probe(probe, 'node', probe, 'meter', 'dummy', 'agent'),
        500.0,
        60.0,
        'auto',
        {},
    )


class JournalTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.state = state.StateDirectory(self.path)
        self.addCleanup(self.state.close)

    def make_ledger(self, *probes, ended=()):
        made = ledger.Ledger('uuid', ended, counters.Counters())
        made.set_up([settings(probe) for probe in probes], 1, 0.0)
        return made

    def test_an_agent_that_never_ran_left_none(self):
        self.assertEqual([], journal.load(self.state))

    def test_open_registers_have_ended_for_the_next_incarnation(self):
        registers = self.make_ledger('p', 'q', 'never-read')
        words = [
            registers.read(
                measurement.Reading(probe, 100.0, volts=volts), 1.0, 1.7e9
            )
            for probe, volts in (('p', 230.1), ('q', None))
        ]

        journal.save(self.state, registers)

        self.assertEqual(
            [ledger.Ended(word, ledger.ANNOUNCED_FOR) for word in words],
            journal.load(self.state),
        )

    def test_ended_registers_keep_the_time_that_they_have_left(self):
        registers = self.make_ledger('p')
        word = registers.read(measurement.Reading('p', 1.0), 1.0, 1.0)
        old = ledger.Ended(word, 4000.0)

        journal.save(self.state, self.make_ledger(ended=[old]))

        self.assertEqual([old], journal.load(self.state))

    def test_a_later_journal_replaces_it(self):
        registers = self.make_ledger('p')
        for at in (1.0, 2.0):
            word = registers.read(measurement.Reading('p', 1.0), at, at)
            journal.save(self.state, registers)

        self.assertEqual(
            [word], [item.word for item in journal.load(self.state)]
        )

    def test_a_damaged_one_is_told_rather_than_forgotten(self):
        for text in ('[[]]', '{"a": 1}', '[1]', '[["p", "r", 1]]', '[[['):
            (self.path / 'journal.json').write_text(text)

            error = self.assertRaises(
                exception.StateUnusable, journal.load, self.state
            )

            self.assertIn(
                'journal.json: damaged; move it away', str(error), text
            )
