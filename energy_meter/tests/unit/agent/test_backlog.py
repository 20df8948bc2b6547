# SPDX-License-Identifier: Apache-2.0

"""While the bus is away detail may be lost, energy never."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import counters
from energy_meter import measurement
from energy_meter.agent import backlog


def word(register, elapsed):
    return measurement.Measurement(
        measurement.Probe(
            register, 'node', register, 'meter', 'dummy', 'agent'
        ),
        measurement.RegisterKey('uuid', register, 1),
        0.0,
        elapsed,
        int(elapsed * 1000),
        elapsed,
    )


class BacklogTest(base.BaseTestCase):
    def make(self, limit):
        self.counters = counters.Counters()
        return backlog.Backlog(limit, self.counters)

    def test_first_come_is_first_taken(self):
        waiting = self.make(10)
        words = [word('r', at) for at in range(5)]

        waiting.put(words[:3])
        waiting.put(words[3:])

        self.assertEqual(words[:2], waiting.take(2))
        self.assertEqual(words[2:], waiting.take(100))
        self.assertEqual([], waiting.take(1))
        self.assertEqual(0, len(waiting))

    def test_what_is_given_back_is_first_again(self):
        waiting = self.make(10)
        words = [word('r', at) for at in range(5)]
        waiting.put(words[:4])
        taken = waiting.take(2)
        waiting.put(words[4:])

        waiting.give_back(taken)

        self.assertEqual(words, waiting.take(5))
        self.assertEqual(0.0, self.counters.value('thinned'))

    def test_beyond_the_limit_the_newest_of_each_register_stays(self):
        waiting = self.make(4)

        waiting.put(
            [
                word('a', 1.0),
                word('b', 1.0),
                word('a', 2.0),
                word('b', 2.0),
                word('a', 3.0),
            ]
        )

        self.assertCountEqual(
            [word('a', 3.0), word('b', 2.0)], waiting.take(9)
        )
        self.assertEqual(3.0, self.counters.value('thinned'))

    def test_the_newest_is_by_elapsed_not_by_place(self):
        waiting = self.make(2)
        waiting.put([word('a', 3.0), word('a', 1.0)])

        waiting.put([word('a', 2.0)])

        self.assertEqual([word('a', 3.0)], waiting.take(9))

    def test_what_is_given_back_to_a_full_one_does_not_replace_newer(self):
        waiting = self.make(2)
        waiting.put([word('a', 1.0), word('a', 2.0)])
        taken = waiting.take(2)
        waiting.put([word('a', 3.0), word('a', 4.0)])

        waiting.give_back(taken)

        self.assertEqual([word('a', 4.0)], waiting.take(9))

    def test_every_register_has_a_place_even_beyond_the_limit(self):
        waiting = self.make(2)
        words = [word(name, 1.0) for name in 'abcdef']

        waiting.put(words)

        self.assertEqual(words, waiting.take(9))
        self.assertEqual(0.0, self.counters.value('thinned'))

    @hypothesis.given(
        strategies.integers(1, 6),
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from('abc'),
                strategies.sampled_from(['put', 'take', 'fail']),
            ),
            max_size=60,
        ),
    )
    def test_the_last_word_of_no_register_is_ever_lost(self, limit, story):
        waiting = self.make(limit)
        newest, sent = {}, {}
        for elapsed, (name, what) in enumerate(story):
            if what == 'put':
                newest[name] = elapsed
                waiting.put([word(name, elapsed)])
                continue
            taken = waiting.take(2)
            if what == 'fail':
                waiting.give_back(taken)
                continue
            sent.update((item.register.id, item.elapsed) for item in taken)

        sent.update(
            (item.register.id, item.elapsed) for item in waiting.take(1000)
        )

        self.assertEqual(newest, sent)
        self.assertEqual(0, len(waiting))

    def test_it_stays_within_twice_its_registers_or_its_limit(self):
        waiting = self.make(5)

        for at in range(100):
            waiting.put([word('abcd'[at % 4], at)])
            self.assertLessEqual(len(waiting), 8)
