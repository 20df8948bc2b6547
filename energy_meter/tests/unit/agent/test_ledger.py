# SPDX-License-Identifier: Apache-2.0

"""Registers belong to probes: settings only change what feeds them."""

from oslotest import base

from energy_meter import counters
from energy_meter import measurement
from energy_meter.agent import ledger

COUNTER = measurement.Counter(joules=1.0)


def settings(probe, **changes):
    return ledger.Settings(
        measurement.Probe(probe, 'node', probe, 'meter', 'dummy', 'agent'),
        500.0,
        60.0,
        'auto',
        {'driver': 'dummy'},
    )._replace(**changes)


class LedgerTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.ledger = self.make()

    def make(self, ended=()):
        return ledger.Ledger('uuid', ended, counters.Counters())

    def set_up(self, *probes, incarnation=1, now=0.0):
        self.ledger.set_up(
            [settings(probe) for probe in probes], incarnation, now
        )

    def read(self, at, probe='p', wall=None, **values):
        return self.ledger.read(
            measurement.Reading(probe, **values),
            at,
            at if wall is None else wall,
        )

    def test_a_reading_moves_the_register_of_its_probe_alone(self):
        self.set_up('p', 'q')
        for probe in ('p', 'q'):
            self.read(10.0, probe, watts=100.0)

        word = self.read(
            11.0, wall=1.7e9, watts=100.0, volts=230.0, amperes=0.5
        )

        self.assertEqual(
            (1.7e9, 11.0, 100_000, 1.0, 100.0, 230.0, 0.5), word[2:]
        )
        self.assertEqual(
            {'p': 100_000, 'q': 0},
            {word.probe.id: word.millijoules for word in self.ledger.words()},
        )

    def test_a_register_is_of_the_agent_in_its_incarnation(self):
        self.set_up('p', 'q', incarnation=7)

        keys = [
            self.read(1.0, probe, watts=1.0).register for probe in ('p', 'q')
        ]

        self.assertEqual(
            {('uuid', 7)}, {(key.agent, key.incarnation) for key in keys}
        )
        self.assertEqual(2, len({key.id for key in keys}))

    def test_a_reading_of_an_unknown_probe_says_nothing(self):
        self.set_up('p')

        self.assertIsNone(self.read(1.0, 'stranger', watts=1.0))
        self.assertEqual([], self.ledger.words())

    def test_a_refused_reading_leaves_the_last_word_as_it_was(self):
        self.set_up('p')
        word = self.read(1.0, watts=100.0)

        self.assertIsNone(self.read(2.0, watts=-100.0))

        self.assertEqual([word], self.ledger.words())

    def test_an_older_reading_leaves_the_last_word_as_it_was(self):
        self.set_up('p')
        word = self.read(2.0, watts=100.0)

        self.assertIsNone(self.read(1.0, watts=200.0))

        self.assertEqual([word], self.ledger.words())

    def test_an_unchanged_probe_goes_on(self):
        self.set_up('p')
        self.read(1.0, watts=100.0)

        self.set_up('q', 'p', incarnation=2, now=1.5)

        word = self.read(2.0, watts=100.0)
        self.assertEqual(
            (1, 100_000), (word.register.incarnation, word.millijoules)
        )
        self.assertEqual([], self.ledger.ended())

    def test_other_settings_only_rebase_what_feeds_a_register(self):
        # Given 1 J of power metering,
        self.set_up('p')
        self.read(1.0, watts=1.0)
        before = self.read(2.0, watts=1.0)

        # when its meter is read in another way,
        self.ledger.set_up(
            [settings('p', options={'driver': 'other'})], 2, 2.5
        )
        rebased = self.read(3.0, watts=1.0)
        after = self.read(4.0, watts=1.0)

        # then the second that lies across the change is not billed.
        self.assertEqual({before.register}, {rebased.register, after.register})
        self.assertEqual(
            [1000, 1000, 2000],
            [word.millijoules for word in (before, rebased, after)],
        )
        self.assertEqual([], self.ledger.ended())

    def test_words_bear_the_probe_as_it_is_now(self):
        self.set_up('p')
        self.read(1.0, watts=1.0)
        moved = settings('p')

        self.ledger.set_up(
            [moved._replace(probe=moved.probe._replace(host='other'))], 1, 1.5
        )

        self.assertEqual('other', self.read(2.0, watts=1.0).probe.host)

    def test_a_removed_probe_ends_its_register(self):
        self.set_up('p', 'q')
        word = self.read(1.0, watts=1.0)
        self.read(1.0, 'q', watts=1.0)

        self.set_up('q')

        self.assertEqual(
            [ledger.Ended(word, ledger.ANNOUNCED_FOR)], self.ledger.ended()
        )
        self.assertEqual(
            ['q'], [word.probe.id for word in self.ledger.words()]
        )
        self.assertIsNone(self.read(2.0, watts=1.0))

    def test_a_probe_that_comes_back_opens_another_register(self):
        self.set_up('p')
        first = self.read(1.0, watts=1.0)
        self.set_up()

        self.set_up('p', incarnation=2, now=10.0)

        second = self.read(11.0, watts=1.0)
        self.assertNotEqual(first.register.id, second.register.id)
        self.assertEqual(
            (2, 1.0, 0),
            (second.register.incarnation, second.elapsed, second.millijoules),
        )

    def test_a_register_without_a_word_ends_without_one(self):
        self.set_up('p')

        self.set_up()

        self.assertEqual([], self.ledger.ended())

    def test_probes_without_a_register_are_missing(self):
        self.set_up('p')

        self.assertEqual(['q', 'r'], self.ledger.missing(['q', 'p', 'r']))

    def test_a_counter_that_shows_up_later_is_followed_from_there_on(self):
        self.set_up('p')
        self.read(1.0, watts=1.0)

        words = [
            self.read(at, watts=1.0, ticks=ticks, counter=COUNTER)
            for at, ticks in ((2.0, 5000), (3.0, 5003), (4.0, 5003))
        ]

        self.assertEqual([0, 3000, 3000], [word.millijoules for word in words])

    def test_a_counter_read_differently_is_a_new_base(self):
        self.set_up('p')
        self.read(1.0, ticks=100, counter=COUNTER)
        self.read(2.0, ticks=103, counter=COUNTER)
        other = measurement.Counter(joules=2.0)

        words = [
            self.read(at, ticks=ticks, counter=other)
            for at, ticks in ((3.0, 200), (4.0, 201))
        ]

        self.assertEqual([3000, 5000], [word.millijoules for word in words])

    def test_a_reading_without_its_counter_is_no_new_base(self):
        self.set_up('p')
        self.read(1.0, ticks=100, counter=COUNTER)
        self.read(2.0, watts=1.0)

        word = self.read(3.0, ticks=105, counter=COUNTER)

        self.assertEqual(5000, word.millijoules)

    def test_ended_registers_are_told_for_their_time(self):
        self.set_up('p')
        word = self.read(1.0, watts=1.0)
        self.ledger = self.make([ledger.Ended(word, 500.0)])

        self.ledger.pass_time(300.0)
        self.assertEqual([ledger.Ended(word, 200.0)], self.ledger.ended())

        self.ledger.pass_time(200.0)
        self.assertEqual([], self.ledger.ended())
