# SPDX-License-Identifier: Apache-2.0

"""The CPU time of instances, from the readings of an agent to the tables."""

import collections
import itertools
import json
import random

import hypothesis
from hypothesis import strategies
import sqlalchemy as sa

from energy_meter import cpu_usage
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.db import timelines
from energy_meter.db import usage_marks
from energy_meter.tests import hosts
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

KEYRING = signing.Keyring(['secret'])


def transport(measured):
    """Return measurements after they were sent and received."""
    return [
        each
        for part in envelope.divide(measured)
        for register in envelope.decode(
            json.loads(json.dumps(envelope.sign(KEYRING, part)))
        )
        for each in register.usages
    ]


def computed(vectors):
    """Return what each instance computed from one vector to the next."""
    total = collections.Counter()
    for (_, before), (_, after) in itertools.pairwise([(0, None), *vectors]):
        for instance, cpu in zip(
            after.layout.instances,
            cpu_usage.increments(before, after),
            strict=True,
        ):
            total[instance.uuid] += cpu
    return total


class UsageTest(db_base.DatabaseTest):
    def deliver(self, generator, measured, now):
        """Deliver measurements in some batches, some of them twice."""
        measured = measured + generator.sample(measured, len(measured) // 4)
        generator.shuffle(measured)
        while measured:
            size = generator.randint(1, 20)
            batch, measured = measured[:size], measured[size:]
            databases.deliver(self.engine, transport(batch), now)
        databases.settle(self.engine, now)

    def load(self):
        """Return the vectors of all registers."""
        with self.engine.connect() as connection:
            registers = connection.scalars(sa.select(schema.register.c.number))
            return usage_marks.load(
                connection,
                [usage_marks.Window(number, 0, 10**9) for number in registers],
            )

    @hypothesis.settings(max_examples=15, deadline=None)
    @hypothesis.given(strategies.integers(0, 2**32))
    def test_sums_are_exact_whatever_the_order(self, seed):
        # Given an agent that metered a host through many events,
        generator = random.Random(seed)
        databases.empty(self.engine)
        agent = hosts.run(generator, 25)
        now = int(agent.clock.timestamp * 1000) + 1000

        # when what it published arrives in any order, some of it twice,
        self.deliver(generator, list(agent.measured), now)

        # then the sums of all instances are those of the readings,
        total = collections.Counter()
        for vectors in self.load().values():
            total += computed(vectors)
        self.assertEqual(agent.cpu, total)

        # and so is that of the host, which is billed like energy.
        shown = databases.shown(self.engine)[hosts.PROBE.id]
        registers = {each.register for each in agent.measured}
        self.assertLessEqual(shown, agent.busy)
        self.assertLessEqual(agent.busy, shown + len(registers))

    def test_newest_vector_replaces_marks_that_are_lost(self):
        # Given an agent that dies, so that its last marks are lost,
        agent = hosts.Agent(hosts.Host())
        agent.host.start(1)
        agent.host.start(2)
        agent.read(10)
        for _ in range(12):
            agent.host.compute(2000, [700, 300])
            agent.read(10)
        now = int(agent.clock.timestamp * 1000)

        # when only its measurements arrive, then nothing is missing.
        live = [each for each in agent.measured if not each.is_mark]
        databases.deliver(self.engine, transport(live), now)

        (vectors,) = self.load().values()
        self.assertEqual(agent.cpu, computed(vectors))

    def test_busy_time_is_dated_like_energy(self):
        agent = hosts.Agent(hosts.Host())
        agent.host.start(1)
        start = int(agent.clock.timestamp * 1000)
        for _ in range(40):
            agent.host.compute(5000, [4000])
            agent.read(10)
        agent.stop()
        now = int(agent.clock.timestamp * 1000)
        self.deliver(random.Random(1), agent.measured, now)

        dates = [start + 110_000, start + 210_000]
        with db_engine.snapshot(self.engine) as connection:
            found = timelines.load(connection, {hosts.PROBE.id: [dates]})
        before, after = map(found[hosts.PROBE.id].until, dates)

        self.assertEqual(50_000, after.millijoules - before.millijoules)
        self.assertEqual(100_000, after.metered - before.metered)
