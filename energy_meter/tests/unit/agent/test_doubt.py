# SPDX-License-Identifier: Apache-2.0

"""Whoever reads the log learns why a probe bills nothing."""

import fixtures
from oslotest import base

from energy_meter import counters
from energy_meter import measurement
from energy_meter.agent import doubt
from energy_meter.agent import ledger

COUNTER = measurement.Counter(joules=1.0)
MAX_WATTS = 500.0


def settings(probe: str, energy: str = 'auto') -> ledger.Settings:
    return ledger.Settings(
        measurement.Probe(probe, 'node', probe, 'meter', 'dummy', 'agent'),
        MAX_WATTS,
        60.0,
        energy,
        {},
    )


class DoubtTest(base.BaseTestCase):
    def find(self, energy='auto', **values):
        return doubt.find(
            measurement.Reading('p', **values), MAX_WATTS, energy
        )

    def test_there_is_none_of_what_the_energy_is_taken_from(self):
        both = {'watts': 1.0, 'ticks': 1, 'counter': COUNTER}
        for energy, values in (
            ('auto', {'watts': 1.0}),
            ('auto', {'ticks': 1, 'counter': COUNTER}),
            ('counter', {'ticks': 1, 'counter': COUNTER}),
            ('integrate', {'watts': 1.0}),
            ('counter', both),
            ('integrate', both),
        ):
            self.assertIsNone(self.find(energy, **values), (energy, values))

    def test_an_impossible_reading_is_refused_in_words(self):
        for values, text in (
            ({}, 'neither power nor energy'),
            ({'watts': float('nan')}, 'no finite number (nan W)'),
            ({'watts': -3.0, 'volts': 230.0}, 'negative (-3 W, 230 V)'),
            ({'watts': 900.0}, 'more than max_watts = 500 (900 W)'),
        ):
            found = self.find(**values)
            self.assertTrue(found.refused, text)
            self.assertTrue(found.text.startswith('the reading is refused: '))
            self.assertTrue(found.text.endswith(text), found.text)

    def test_power_is_not_a_counter_that_is_insisted_on(self):
        found = self.find('counter', watts=1.0)

        self.assertEqual(('no-counter', False), (found.reason, found.refused))
        self.assertIn('there is no energy counter', found.text)

    def test_a_counter_can_not_be_integrated(self):
        found = self.find('integrate', ticks=1, counter=COUNTER)

        self.assertEqual(('no-power', False), (found.reason, found.refused))
        self.assertIn('there is no power', found.text)


class LedgerTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(doubt.__name__))
        self.counters = counters.Counters()
        self.ledger = ledger.Ledger('agent', [], self.counters)
        self.now = 0.0

    def meter(self, *probes, energy='auto'):
        self.ledger.set_up(
            [settings(probe, energy) for probe in probes], 1, self.now
        )

    def read(self, probe, **values):
        self.now += 1
        return self.ledger.read(
            measurement.Reading(probe, **values), self.now, self.now
        )

    def lines(self):
        return self.log.output.splitlines()

    def test_good_readings_are_nothing_to_talk_of(self):
        self.meter('p')

        self.read('p', watts=1.0)

        self.assertEqual([], self.lines())

    def test_each_reason_is_told_once_of_each_probe(self):
        self.meter('p', 'q')

        for _ in range(100):
            for probe in ('p', 'q'):
                self.assertIsNone(self.read(probe, watts=-1.0))
                self.assertIsNotNone(self.read(probe, watts=1.0))
                self.assertIsNone(self.read(probe, watts=900.0))

        self.assertEqual(
            [
                f'Probe {probe}: the reading is refused: {text}'
                for probe in ('p', 'q')
                for text in (
                    'a value is negative (-1 W)',
                    'more than max_watts = 500 (900 W)',
                )
            ],
            self.lines(),
        )
        self.assertEqual(
            200.0, self.counters.value('refused_readings', reason='negative')
        )

    def test_a_missing_counter_is_told_while_power_shows(self):
        self.meter('p', energy='counter')

        words = [self.read('p', watts=100.0) for _ in range(3)]

        self.assertEqual(
            [(100.0, 0)] * 3,
            [(word.watts, word.millijoules) for word in words],
        )
        self.assertEqual(1, len(self.lines()))
        self.assertIn('Probe p: no energy is billed', self.lines()[0])
        self.assertEqual(
            3.0, self.counters.value('unbilled_readings', reason='no-counter')
        )

    def test_a_counter_without_power_is_told_if_it_is_not_to_be_used(self):
        self.meter('p', energy='integrate')

        words = [
            self.read('p', ticks=ticks, counter=COUNTER)
            for ticks in (100, 200, 300)
        ]

        self.assertEqual([0] * 3, [word.millijoules for word in words])
        self.assertIn('energy = integrate', self.lines()[0])

    def test_repetitions_are_counted_only(self):
        self.meter('p')
        reading = measurement.Reading('p', watts=1.0)

        self.ledger.read(reading, 1.0, 1.0)
        self.assertIsNone(self.ledger.read(reading, 1.0, 1.0))

        self.assertEqual([], self.lines())
        self.assertEqual(
            1.0, self.counters.value('refused_readings', reason='late')
        )
