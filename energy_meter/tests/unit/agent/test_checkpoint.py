# SPDX-License-Identifier: Apache-2.0

"""Checkpoints preserve registers for the next incarnation of an agent."""

import pathlib

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import checkpoint
from energy_meter.agent import registers as agent_registers
from energy_meter.agent import state


def settings(probe):
    return agent_registers.Settings(
        measurement.Probe(probe, 'node', probe, 'meter', 'dummy', 'agent'),
        500.0,
        60.0,
        'auto',
        {},
    )


class CheckpointTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.state = state.StateDirectory(self.path)
        self.addCleanup(self.state.close)

    def make_registers(self, *probes, closed=()):
        registers = agent_registers.Registers('uuid', closed)
        registers.configure([settings(probe) for probe in probes], 1, 0.0)
        return registers

    def test_missing_checkpoint_yields_no_registers(self):
        self.assertEqual([], checkpoint.load(self.state))

    def test_open_registers_are_loaded_as_closed_ones(self):
        registers = self.make_registers('p', 'q', 'never-read')
        measurements = [
            registers.record(
                measurement.Reading(probe, 100.0, volts=volts), 1.0, 1.7e9
            )
            for probe, volts in (('p', 230.1), ('q', None))
        ]

        checkpoint.save(self.state, registers)

        self.assertEqual(
            [
                agent_registers.ClosedRegister(
                    final, agent_registers.REPUBLISH_PERIOD_S
                )
                for final in measurements
            ],
            checkpoint.load(self.state),
        )

    def test_closed_registers_keep_their_remaining_time(self):
        registers = self.make_registers('p')
        final = registers.record(measurement.Reading('p', 1.0), 1.0, 1.0)
        old = agent_registers.ClosedRegister(final, 4000.0)

        checkpoint.save(self.state, self.make_registers(closed=[old]))

        self.assertEqual([old], checkpoint.load(self.state))

    def test_later_checkpoint_replaces_earlier_one(self):
        registers = self.make_registers('p')
        for seconds in (1.0, 2.0):
            latest = registers.record(
                measurement.Reading('p', 1.0), seconds, seconds
            )
            checkpoint.save(self.state, registers)

        self.assertEqual(
            [latest],
            [closed.final for closed in checkpoint.load(self.state)],
        )

    def test_corrupt_checkpoint_is_an_error(self):
        for text in ('[[]]', '{"a": 1}', '[1]', '[["p", "r", 1]]', '[[['):
            (self.path / 'checkpoint.json').write_text(text)

            error = self.assertRaises(
                exception.StateUnusable, checkpoint.load, self.state
            )

            self.assertIn(
                'checkpoint.json: corrupt; move it away', str(error), text
            )
