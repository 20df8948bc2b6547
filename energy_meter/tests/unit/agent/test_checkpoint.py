# SPDX-License-Identifier: Apache-2.0

"""Checkpoints preserve registers for the next start of an agent."""

import functools
import json
import operator
import pathlib

import fixtures
from oslotest import base

from energy_meter import cpu_usage
from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import checkpoint
from energy_meter.agent import mark_buffer
from energy_meter.agent import metering
from energy_meter.agent import metrics
from energy_meter.agent import registers as agent_registers
from energy_meter.agent import state
from energy_meter.telemetry import counters
from energy_meter.tests import clocks
from energy_meter.tests import usages


def settings(probe):
    return metering.Settings(
        measurement.Probe(probe, 'node', probe, 'meter', 'dummy', 'agent'),
        500.0,
        60.0,
        'auto',
        {},
    )


class CheckpointTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger('energy_meter.agent'))
        self.path = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.state = state.StateDirectory(self.path)
        self.addCleanup(self.state.close)
        self.clock = clocks.Clock()
        self.marks = mark_buffer.MarkBuffer(self.path / 'marks')

    def start(self, *probes, agent='uuid'):
        """Load the checkpoint, and meter these probes."""
        self.saved = checkpoint.load(self.state, agent)
        self.registers = agent_registers.Registers(
            agent,
            self.saved.ended,
            900,
            counters.Counters(metrics.COUNTERS),
        )
        self.configure(*probes)
        self.checkpoint = checkpoint.Checkpoint(
            self.state, agent, self.registers, self.marks, self.clock
        )

    def configure(self, *probes):
        return self.registers.configure(
            [settings(probe) for probe in probes], self.clock.now()
        )

    def record(self, probe='p', **values):
        return self.registers.record(
            measurement.Reading(probe, 100.0, **values),
            self.clock.advance(1.0),
        )[-1]

    def test_missing_checkpoint_yields_no_registers(self):
        self.assertEqual(
            checkpoint.Saved([], {}), checkpoint.load(self.state, 'uuid')
        )

    def test_open_registers_are_loaded_with_their_end(self):
        self.start('p', 'q', 'never-read')
        p = self.record('p', volts=230.1)
        q = self.record('q')
        self.clock.advance(7.0)

        self.checkpoint.save()
        self.start()

        self.assertEqual(
            [
                p._replace(watts=None, volts=None, is_mark=True),
                q._replace(watts=None, is_mark=True),
            ],
            self.saved.marks,
        )
        # The elapsed times are those of the checkpoint, not of the readings.
        self.assertEqual(
            {
                'p': measurement.Predecessor(p.register.id, 9000),
                'q': measurement.Predecessor(q.register.id, 9000),
            },
            self.saved.ended,
        )

    def test_register_without_recent_readings_ends_with_the_checkpoint(self):
        # Given a meter that was last read 5 minutes before the checkpoint,
        self.start('p')
        last = self.record()._replace(watts=None, is_mark=True)
        self.clock.advance(300.0)
        self.checkpoint.save()

        self.start()

        # then the register reaches the end that its successor names.
        end = last._replace(
            elapsed=last.elapsed + 300_000, timestamp=last.timestamp + 300_000
        )
        self.assertEqual([last, end], self.saved.marks)
        self.assertEqual(end.elapsed, self.saved.ended['p'].elapsed)

    def test_vector_of_an_open_register_is_loaded(self):
        self.start('p')
        layout = usages.layout(1, 2)._replace(
            devices=(cpu_usage.Device('gpu', usages.uuid(1)),)
        )
        counters = (('a', 5), ('b', 7))
        p = self.record(
            'p',
            ticks=5,
            counter=measurement.Counter(0.001),
            usage=cpu_usage.Snapshot(layout, counters),
        )

        self.checkpoint.save()
        self.start()

        (mark,) = self.saved.marks
        self.assertEqual(cpu_usage.Usage(layout, (0, 0)), mark.usage)
        self.assertEqual(p.usage, mark.usage)

    def test_last_register_of_each_probe_is_kept_for_good(self):
        self.start('p')
        last = self.record()
        self.configure()
        for _ in range(3):
            self.checkpoint.save()
            self.start()

        self.assertEqual([], self.saved.marks)
        self.assertEqual(
            {'p': measurement.Predecessor(last.register.id, last.elapsed)},
            self.saved.ended,
        )

    def test_later_checkpoint_replaces_earlier_one(self):
        self.start('p')
        for _ in range(2):
            latest = self.record()
            self.checkpoint.save()

        self.start()

        self.assertEqual(
            [latest.elapsed], [mark.elapsed for mark in self.saved.marks]
        )

    def test_new_register_is_saved_once_before_publication(self):
        self.start('p')
        self.record()
        self.checkpoint.save_if_needed()
        file = self.path / 'checkpoint.json'
        file.unlink()

        self.record()
        self.checkpoint.save_if_needed()

        self.assertFalse(file.exists())

    def test_old_checkpoint_is_renewed_before_publication(self):
        # Given an agent whose machine was suspended for an hour,
        self.start('p')
        self.record()
        self.checkpoint.save()
        self.clock.suspend(3600.0)
        self.record()

        self.checkpoint.save_if_needed()

        # then the next register does not end long after the checkpoint.
        self.start()
        self.assertEqual(3_602_000, self.saved.ended['p'].elapsed)

    def test_marks_are_on_the_disk_before_the_checkpoint(self):
        self.start('p')
        self.record()
        self.marks.put(self.configure())
        order = []
        with (
            fixtures.MockPatchObject(
                self.marks, 'flush', lambda: order.append('marks')
            ),
            fixtures.MockPatchObject(
                self.state, 'write', lambda *_: order.append('checkpoint')
            ),
        ):
            self.checkpoint.save()

        self.assertEqual(['marks', 'checkpoint'], order)

    def test_checkpoint_that_cannot_be_saved_is_logged_once(self):
        self.start('p')
        obstacle = self.path / 'checkpoint.json.new'
        obstacle.mkdir()
        for _ in range(3):
            self.checkpoint.save()
        obstacle.rmdir()
        self.checkpoint.save()

        first, second = self.log.output.splitlines()
        self.assertIn('Cannot save the checkpoint', first)
        self.assertEqual('Checkpoint saved again', second)

    def test_checkpoint_of_another_agent_has_no_successors(self):
        self.start('p')
        last = self.record()
        self.checkpoint.save()

        self.start(agent='copy')

        self.assertEqual(
            checkpoint.Saved([last._replace(watts=None, is_mark=True)], {}),
            self.saved,
        )

    def test_corrupt_checkpoint_is_set_aside(self):
        file = self.path / 'checkpoint.json'
        for content in (
            '[[',
            '[]',
            '"s"',
            '{"agent": "uuid"}',
            '{"agent": "uuid", "open": [[1, 2]], "ended": {}}',
            '{"agent": "uuid", "open": [], "ended": {"p": 1}}',
        ):
            file.write_text(content)

            self.start('p')

            self.assertEqual(checkpoint.Saved([], {}), self.saved, content)
            self.assertFalse(file.exists())
            self.assertEqual(
                content,
                file.with_name('checkpoint.json.corrupt').read_text(),
            )
        self.assertIn(
            'The checkpoint is renamed to checkpoint.json.corrupt',
            self.log.output,
        )

    def test_checkpoint_with_more_values_is_set_aside(self):
        # Given a checkpoint of a later release, in which a value was added to
        # an open register, its measurement or its probe,
        self.start('p')
        self.record()
        self.checkpoint.save()
        file = self.path / 'checkpoint.json'
        for path in (('open', 0), ('open', 0, 0), ('open', 0, 0, 0)):
            content = json.loads(file.read_text())
            functools.reduce(operator.getitem, path, content).append('later')
            file.write_text(json.dumps(content))

            # when this release starts, then it misreads nothing.
            self.start('p')
            self.assertEqual(checkpoint.Saved([], {}), self.saved, path)
            self.assertFalse(file.exists())

            self.record()
            self.checkpoint.save()

    def test_unreadable_checkpoint_is_an_error(self):
        (self.path / 'checkpoint.json').mkdir()

        self.assertRaises(
            exception.StateUnusable, checkpoint.load, self.state, 'uuid'
        )

    def test_checkpoint_grows_with_probes_only(self):
        # Given an agent that opens registers again and again,
        sizes = []
        for _ in range(50):
            self.start('p', 'q')
            self.record('p')
            self.record('q')
            self.checkpoint.save()
            content = json.loads((self.path / 'checkpoint.json').read_text())
            sizes.append(len(content['open']) + len(content['ended']))

        self.assertEqual({2}, set(sizes))
