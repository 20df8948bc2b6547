# SPDX-License-Identifier: Apache-2.0

"""Tests for polling with a real Ceilometer and Gnocchi."""

import time

from oslo_utils import timeutils
from oslotest import base

from energy_meter.tests.functional.ceilometer import installation
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import commands

MINUTE_S = 60.0
HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

MILLIJOULES_PER_KWH = 3_600_000_000

METADATA = {'scope': 'node', 'wattmeter': 'meter'}


class CeilometerTest(base.BaseTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.installation = installation.Installation()
        cls.addClassCleanup(cls.installation.cleanUp)
        cls.installation.setUp()
        cls.api = cls.installation.api
        cls.ceilometer = cls.installation.ceilometer
        cls.gnocchi = cls.installation.gnocchi

    def samples(self, probe, meter):
        """Return the timestamps and volumes of the published samples."""
        return [
            (
                timeutils.parse_isotime(sample['timestamp']).timestamp(),
                sample['volume'],
            )
            for sample in self.ceilometer.samples()
            if (sample['name'], sample['resource_id']) == (meter, probe)
        ]

    def volumes(self, probe, meter):
        return [volume for _, volume in self.samples(probe, meter)]

    def wait_for_sample(self, probe, meter, volume):
        services.wait_for(
            lambda: volume in self.volumes(probe, meter),
            60,
            f'{meter} {volume} of {probe} to be published',
        )

    def polls(self):
        return self.ceilometer.polling.output().count(
            'Finished polling pollster energy'
        )

    def wait_for_polls(self, number):
        # One more, because a poll can be running.
        target = self.polls() + number + 1
        services.wait_for(
            lambda: self.polls() >= target,
            60,
            f'{number} polls of Ceilometer',
        )

    def warnings(self):
        return self.ceilometer.polling.output().count(
            'Cannot poll energy_meter'
        )

    def resource(self, original_id):
        """Return the resource of a probe once it has both metrics."""

        def find():
            return next(
                (
                    resource
                    for resource in self.gnocchi.resources(
                        original_id, 'energy_probe'
                    )
                    if {'energy', 'power'} <= {*resource['metrics']}
                ),
                None,
            )

        return services.wait_for(find, 60, f'{original_id} in Gnocchi')

    def measures(self, resource, metric, aggregation, granularity):
        """Return the timestamps and values of measures."""
        return [
            (measure.start, measure.value)
            for measure in self.gnocchi.measures(
                resource['metrics'][metric],
                aggregation,
                granularity=granularity,
            )
        ]

    def wait_for_measure(self, resource, metric, value):
        services.wait_for(
            lambda: (
                value
                in dict(
                    self.measures(resource, metric, 'last', MINUTE_S)
                ).values()
            ),
            60,
            f'{metric} {value} in Gnocchi',
        )

    def test_samples_have_metadata_and_timestamp(self):
        an_hour_ago = round(time.time() - HOUR_S, 3)

        self.api.meter(
            'rack 1/höhe', an_hour_ago, kwh=1.25, watts=173.0, elapsed=HOUR_S
        )

        self.wait_for_sample('rack 1/höhe', 'energy', 1.25)
        self.wait_for_sample('rack 1/höhe', 'power', 173.0)
        samples = {
            sample['name']: sample
            for sample in self.ceilometer.samples()
            if sample['resource_id'] == 'rack 1/höhe'
        }
        for meter, kind, unit in (
            ('energy', 'cumulative', 'kWh'),
            ('power', 'gauge', 'W'),
        ):
            sample = samples[meter]
            self.assertEqual((kind, unit), (sample['type'], sample['unit']))
            self.assertEqual(
                {**METADATA, 'host': 'host-rack 1/höhe'},
                sample['resource_metadata'],
            )
            self.assertEqual(
                (None, None), (sample['user_id'], sample['project_id'])
            )
            timestamp = timeutils.parse_isotime(sample['timestamp'])
            self.assertEqual(an_hour_ago, timestamp.timestamp())

    def test_measurement_is_reported_once(self):
        now = time.time()
        self.api.meter('a', now - 2, kwh=1.0, watts=100.0, elapsed=60.0)
        self.api.meter('b', now - 2, kwh=1.0, watts=None, elapsed=60.0)
        self.wait_for_sample('b', 'energy', 1.0)
        self.wait_for_polls(2)

        self.api.meter('a', now - 1, kwh=1.5, watts=50.0, elapsed=61.0)
        self.wait_for_sample('a', 'energy', 1.5)
        self.wait_for_polls(2)

        self.assertEqual([1.0, 1.5], self.volumes('a', 'energy'))
        self.assertEqual([100.0, 50.0], self.volumes('a', 'power'))
        self.assertEqual([1.0], self.volumes('b', 'energy'))
        self.assertEqual([], self.volumes('b', 'power'))

    def test_unavailable_api_is_logged_once_per_poll(self):
        now = time.time()
        self.api.meter('c', now - 2, kwh=1.0, watts=100.0, elapsed=60.0)
        self.wait_for_sample('c', 'energy', 1.0)

        self.api.stop()
        self.addCleanup(self.api.start)
        polls, warnings = self.polls(), self.warnings()
        self.wait_for_polls(2)
        polls = self.polls() - polls
        warnings = self.warnings() - warnings
        self.api.meter('c', now - 1, kwh=1.5, watts=50.0, elapsed=61.0)
        self.api.start()
        self.wait_for_sample('c', 'energy', 1.5)

        self.assertIn(warnings, (polls - 1, polls, polls + 1))
        self.assertEqual([1.0, 1.5], self.volumes('c', 'energy'))
        self.assertNotIn('Traceback', self.ceilometer.polling.output())

    def test_resource_has_attributes_of_probe(self):
        self.api.meter(
            'rack 2/a', time.time(), kwh=1.0, watts=100.0, elapsed=HOUR_S
        )

        resource = self.resource('rack 2_a')

        self.assertEqual(
            {**METADATA, 'host': 'host-rack 2/a', 'type': 'energy_probe'},
            {
                name: resource[name]
                for name in ('scope', 'wattmeter', 'host', 'type')
            },
        )

    def meter_yesterday(self, probe, *readings):
        """Store readings (hour, kWh, watts) of yesterday in Gnocchi.

        :returns: the timestamp of yesterday's midnight, and the resource.
        """
        midnight = time.time() // DAY_S * DAY_S - DAY_S
        for hour, kwh, watts in readings:
            self.api.meter(
                probe,
                midnight + hour * HOUR_S,
                kwh,
                watts,
                elapsed=hour * HOUR_S,
            )
            self.wait_for_sample(probe, 'power', watts)
        resource = self.resource(probe)
        self.wait_for_measure(resource, 'energy', kwh)
        self.wait_for_measure(resource, 'power', watts)
        return midnight, resource

    def test_measures_have_timestamps_of_measurements(self):
        midnight, resource = self.meter_yesterday(
            'd', (12.01, 1.0, 600.0), (12.02, 1.01, 660.0), (12.51, 1.3, 300.0)
        )

        minutes = [midnight + 12 * HOUR_S + after for after in (0, 60, 1800)]
        self.assertEqual(
            [*zip(minutes, [1.0, 1.01, 1.3], strict=True)],
            self.measures(resource, 'energy', 'last', MINUTE_S),
        )
        self.assertEqual(
            [*zip(minutes, [600.0, 660.0, 300.0], strict=True)],
            self.measures(resource, 'power', 'mean', MINUTE_S),
        )

    def test_rate_of_energy_spans_outage_shorter_than_granularity(
        self,
    ):
        midnight, resource = self.meter_yesterday(
            'o',
            (1.0, 1.0, 1000.0),
            (1.5, 1.5, 1100.0),
            (2.5, 2.5, 1200.0),
            (8.0, 8.0, 1300.0),
            (8.25, 8.25, 1400.0),
        )

        def consumed(granularity):
            # Rounded, because Gnocchi calculates in floating point.
            return [
                (start, round(kwh, 9))
                for start, kwh in self.measures(
                    resource, 'energy', 'rate:sum', granularity
                )
            ]

        # The energy of the outage from 2.5 to 8 is missing in the hourly sums:
        # a limitation that the documentation describes.
        self.assertEqual(
            [
                (midnight + HOUR_S, 0.5),
                (midnight + 2 * HOUR_S, 1.0),
                (midnight + 8 * HOUR_S, 0.25),
            ],
            consumed(HOUR_S),
        )
        self.assertEqual([(midnight, 7.25)], consumed(DAY_S))

    def test_energy_in_gnocchi_equals_difference_in_api(self):
        configuration = self.installation.configure()
        # Two probes with 0.02 kWh/s each.
        configuration.add_dummy(
            'rack3',
            'e1',
            'e2',
            energy='counter',
            metered_host='e',
            min_watts=70_000,
            max_watts=74_000,
        )
        agent = commands.agent(configuration)
        self.useFixture(commands.collector(configuration))
        # The first sample must have the energy at which the agent stopped.
        self.ceilometer.polling.pause()
        self.useFixture(agent)
        before = self.stop_and_get_probes(agent, configuration)
        self.ceilometer.polling.resume()
        self.wait_for_samples(before)

        agent.start()
        self.wait_for_polls(2)
        after = self.stop_and_get_probes(agent, configuration)
        self.wait_for_samples(after)

        for probe in 'e1', 'e2':
            resource = self.resource(probe)
            self.wait_for_measure(resource, 'energy', after[probe].kwh)
            consumed = after[probe].kwh - before[probe].kwh
            self.assertGreater(consumed, 0.02)
            minutes = self.measures(resource, 'energy', 'rate:sum', MINUTE_S)
            self.assertAlmostEqual(
                consumed, sum(kwh for _, kwh in minutes), places=9
            )
        both = self.gnocchi.aggregates(
            '(aggregate sum (metric energy rate:sum))',
            "host='e'",
            'energy_probe',
            granularity=DAY_S,
        )
        self.assertAlmostEqual(
            sum(after[probe].kwh - before[probe].kwh for probe in after),
            sum(measure.value for measure in both),
            places=9,
        )

    def stop_and_get_probes(self, agent, configuration):
        """Stop the agent, and return its probes with their final energy."""
        client = self.installation.client
        services.wait_for(
            lambda: {'e1', 'e2'} <= {*client.probe_ids()},
            60,
            'both probes in the API',
        )
        agent.stop()

        def get_final_probes():
            probes = {name: client.probe(name) for name in ('e1', 'e2')}
            millijoules = sum(
                round(probe.kwh * MILLIJOULES_PER_KWH)
                for probe in probes.values()
            )
            expected = sum(configuration.registers().values())
            return millijoules == expected and probes

        return services.wait_for(
            get_final_probes, 60, 'the final measurements in the API'
        )

    def wait_for_samples(self, probes):
        for name, probe in probes.items():
            self.wait_for_sample(name, 'energy', probe.kwh)

    def test_prometheus_exporter_has_same_labels_for_each_probe(self):
        seen = {}

        def scrape():
            for meter, unit in ('energy', 'kWh'), ('power', 'W'):
                family = self.ceilometer.metrics().get(f'ceilometer_{meter}')
                for sample in family.samples if family else ():
                    labels = sample.labels
                    self.assertEqual(unit, labels['unit'])
                    seen[meter, labels['resource']] = labels, sample.value
            return {
                ('energy', 'f/1'),
                ('energy', 'f/2'),
                ('power', 'f/1'),
            } <= {*seen}

        now = time.time()
        self.api.meter('f/1', now, kwh=1.0, watts=100.0, elapsed=60.0)
        self.api.meter('f/2', now, kwh=2.0, watts=None, elapsed=60.0)
        services.wait_for(scrape, 60, 'both probes to be exported')

        labels, volume = seen['energy', 'f/1']
        self.assertEqual(
            (
                {
                    'counter': 'energy',
                    'energy': 'f/1',
                    'resource': 'f/1',
                    'publisher': 'ceilometer',
                    'server_group': 'none',
                    'type': 'energy',
                    'unit': 'kWh',
                    'vm_instance': 'host-f/1',
                },
                1.0,
            ),
            (labels, volume),
        )
        for meter in 'energy', 'power':
            names = {
                frozenset(labels)
                for (name, _), (labels, _) in seen.items()
                if name == meter
            }
            self.assertEqual(1, len(names), names)
        self.assertNotIn(('power', 'f/2'), seen)
