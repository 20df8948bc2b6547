# SPDX-License-Identifier: Apache-2.0

"""Tests for the pollsters of instances, called like by Ceilometer."""

import json
import logging
import urllib.parse

import fixtures
from oslotest import base

from energy_meter.pollsters import instance
from energy_meter.tests.unit import api_stub
from energy_meter.tests.unit import attribution_documents as documents
from energy_meter.tests.unit import energy_documents
from energy_meter.tests.unit.pollsters import test_probe

DAY = energy_documents.DAY
#: The day that is polled.
START = energy_documents.utc(2026, 3, 4)
END = START + DAY
EPOCH = energy_documents.utc(1970, 1, 1)
KWH = 3_600_000_000
OPEN = {'state': 'open', 'version': None}


class InstancePollsterTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.api = self.useFixture(api_stub.APIStub())
        self.set_time(energy_documents.utc(2026, 3, 5, 6))
        self.energy = instance.EnergyPollster(None)
        self.power = instance.PowerPollster(None)

    def set_time(self, now):
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.pollsters.instance._now', lambda: now
            )
        )

    def poll(self, pollster):
        """Return the date, instance and volume of each sample."""
        return [
            (sample.timestamp, sample.resource_id, sample.volume)
            for sample in self.samples(pollster)
        ]

    def samples(self, pollster):
        return list(
            pollster.get_samples(test_probe.make_manager(), {}, [self.api.url])
        )

    def show(self, day, before, **fields):
        """Show an instance with its kWh on the day, and before it."""
        self.answer(START, day, **fields)
        self.answer(EPOCH, day + before, **fields)

    def answer(self, start, kwh, **fields):
        row = documents.row(start, END, round(kwh * KWH), **fields)
        query = urllib.parse.urlencode(
            {'start': start.isoformat(), 'end': END.isoformat()}
        )
        self.api.answers[f'/v1/instances?{query}'] = (
            200,
            json.dumps(
                documents.listing('instances', [documents.instance('i', row)])
            ).encode(),
        )

    def test_energy_of_all_closed_days_is_cumulative(self):
        self.show(day=1.5, before=2.0)

        *_, sample = self.samples(self.energy)

        self.assertEqual(
            ('instance.energy', 'cumulative', 'kWh', 3.5),
            (sample.name, sample.type, sample.unit, sample.volume),
        )

    def test_power_is_the_mean_of_the_day(self):
        self.show(day=2.4, before=0.0)

        (sample,) = self.samples(self.power)

        self.assertEqual(
            ('instance.power', 'gauge', 'W', 100.0),
            (sample.name, sample.type, sample.unit, sample.volume),
        )

    def test_samples_belong_to_the_instance_its_project_and_user(self):
        self.show(day=1.0, before=1.0)

        for pollster in self.energy, self.power:
            sample, *_ = self.samples(pollster)

            self.assertEqual(
                ('i', 'p', 'u'),
                (sample.resource_id, sample.project_id, sample.user_id),
            )
            self.assertEqual(
                {'display_name': 'name-i'}, sample.resource_metadata
            )

    def test_energy_is_that_of_the_start_and_the_last_second(self):
        self.show(day=1.5, before=2.0)

        self.assertEqual(
            [
                ('2026-03-04T00:00:00+00:00', 'i', 2.0),
                ('2026-03-04T23:59:59+00:00', 'i', 3.5),
            ],
            self.poll(self.energy),
        )

    def test_power_is_that_of_the_last_second(self):
        self.show(day=1.0, before=1.0)

        ((timestamp, _, _),) = self.poll(self.power)

        self.assertEqual('2026-03-04T23:59:59+00:00', timestamp)

    def test_open_day_is_not_published(self):
        self.show(day=1.0, before=1.0, **OPEN)

        for pollster in self.energy, self.power:
            self.assertEqual([], self.poll(pollster))

    def test_energy_waits_until_earlier_days_are_closed(self):
        self.show(day=1.0, before=1.0)
        self.answer(EPOCH, 2.0, **OPEN)

        self.assertEqual([], self.poll(self.energy))

        self.assertEqual(1, len(self.poll(self.power)))
        self.answer(EPOCH, 2.0)
        self.assertEqual(2, len(self.poll(self.energy)))

    def test_missing_day_has_no_power(self):
        self.show(day=0.0, before=1.0, quality='missing', coverage=0.0)

        self.assertEqual([], self.poll(self.power))

    def test_day_is_published_once(self):
        self.show(day=1.0, before=1.0)
        for pollster in self.energy, self.power:
            self.assertNotEqual([], self.poll(pollster))

        for pollster in self.energy, self.power:
            self.assertEqual([], self.poll(pollster))

    def test_day_is_polled_three_hours_after_midnight(self):
        self.show(day=1.0, before=1.0)
        self.set_time(energy_documents.utc(2026, 3, 5, 2, 59))

        self.poll(self.power)

        (path,) = self.api.requests
        self.assertIn('end=2026-03-04T00', path)

    def test_failed_request_is_repeated_in_the_next_cycle(self):
        self.show(day=1.0, before=1.0)
        self.api.stop()
        self.assertEqual([], self.poll(self.energy))

        self.api.start()

        self.assertEqual(2, len(self.poll(self.energy)))
        self.assertEqual(1, self.log.output.count('Cannot poll energy_meter'))
