# SPDX-License-Identifier: Apache-2.0

import time

from oslo_utils import timeutils
from oslotest import base

from energy_meter.tests.functional.ceilometer import installation
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import commands

MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR

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
        """Give times and volumes."""
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
            f'{meter} {volume} of {probe} is published',
        )

    def polls(self):
        return self.ceilometer.polling.output().count(
            'Finished polling pollster energy'
        )

    def wait_for_polls(self, number):
        # One may be under way.
        enough = self.polls() + number + 1
        services.wait_for(
            lambda: self.polls() >= enough,
            60,
            f'Ceilometer polls {number} times',
        )

    def complaints(self):
        return self.ceilometer.polling.output().count(
            'No samples of energy_meter'
        )

    def resource(self, original_id):
        """Give what Gnocchi has of a probe once both meters are there."""

        def find():
            return next(
                (
                    found
                    for found in self.gnocchi.resources(
                        original_id, 'energy_probe'
                    )
                    if {'energy', 'power'} <= {*found['metrics']}
                ),
                None,
            )

        return services.wait_for(find, 60, f'Gnocchi has {original_id}')

    def measures(self, resource, metric, aggregation, granularity):
        """Give times and values."""
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
                    self.measures(resource, metric, 'last', MINUTE)
                ).values()
            ),
            60,
            f'Gnocchi has the {metric} {value}',
        )

    def test_samples_say_what_was_measured_and_when(self):
        an_hour_ago = round(time.time() - HOUR, 3)

        self.api.meter(
            'rack 1/höhe', an_hour_ago, kwh=1.25, watts=173.0, elapsed=HOUR
        )

        self.wait_for_sample('rack 1/höhe', 'energy', 1.25)
        self.wait_for_sample('rack 1/höhe', 'power', 173.0)
        found = {
            sample['name']: sample
            for sample in self.ceilometer.samples()
            if sample['resource_id'] == 'rack 1/höhe'
        }
        for meter, kind, unit in (
            ('energy', 'cumulative', 'kWh'),
            ('power', 'gauge', 'W'),
        ):
            sample = found[meter]
            self.assertEqual((kind, unit), (sample['type'], sample['unit']))
            self.assertEqual(
                {**METADATA, 'host': 'host-rack 1/höhe'},
                sample['resource_metadata'],
            )
            self.assertEqual(
                (None, None), (sample['user_id'], sample['project_id'])
            )
            measured_at = timeutils.parse_isotime(sample['timestamp'])
            self.assertEqual(an_hour_ago, measured_at.timestamp())

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

    def test_api_that_is_down_is_one_line_a_poll(self):
        now = time.time()
        self.api.meter('c', now - 2, kwh=1.0, watts=100.0, elapsed=60.0)
        self.wait_for_sample('c', 'energy', 1.0)

        self.api.stop()
        self.addCleanup(self.api.start)
        polls, complaints = self.polls(), self.complaints()
        self.wait_for_polls(2)
        polls = self.polls() - polls
        complaints = self.complaints() - complaints
        self.api.meter('c', now - 1, kwh=1.5, watts=50.0, elapsed=61.0)
        self.api.start()
        self.wait_for_sample('c', 'energy', 1.5)

        self.assertIn(complaints, (polls - 1, polls, polls + 1))
        self.assertEqual([1.0, 1.5], self.volumes('c', 'energy'))
        self.assertNotIn('Traceback', self.ceilometer.polling.output())

    def test_gnocchi_tells_probes_by_what_is_known_of_them(self):
        self.api.meter(
            'rack 2/a', time.time(), kwh=1.0, watts=100.0, elapsed=HOUR
        )

        found = self.resource('rack 2_a')

        self.assertEqual(
            {**METADATA, 'host': 'host-rack 2/a', 'type': 'energy_probe'},
            {
                name: found[name]
                for name in ('scope', 'wattmeter', 'host', 'type')
            },
        )

    def meter_yesterday(self, probe, *readings):
        """Let readings (hour, kWh, watts) of yesterday travel to Gnocchi."""
        midnight = time.time() // DAY * DAY - DAY
        for hour, kwh, watts in readings:
            self.api.meter(
                probe, midnight + hour * HOUR, kwh, watts, elapsed=hour * HOUR
            )
            self.wait_for_sample(probe, 'power', watts)
        found = self.resource(probe)
        self.wait_for_measure(found, 'energy', kwh)
        self.wait_for_measure(found, 'power', watts)
        return midnight, found

    def test_gnocchi_has_each_measurement_at_its_own_time(self):
        midnight, found = self.meter_yesterday(
            'd', (12.01, 1.0, 600.0), (12.02, 1.01, 660.0), (12.51, 1.3, 300.0)
        )

        minutes = [midnight + 12 * HOUR + after for after in (0, 60, 1800)]
        self.assertEqual(
            [*zip(minutes, [1.0, 1.01, 1.3], strict=True)],
            self.measures(found, 'energy', 'last', MINUTE),
        )
        self.assertEqual(
            [*zip(minutes, [600.0, 660.0, 300.0], strict=True)],
            self.measures(found, 'power', 'mean', MINUTE),
        )

    def test_gnocchi_sums_consumption_across_an_outage_of_less_than_a_period(
        self,
    ):
        midnight, found = self.meter_yesterday(
            'o',
            (1.0, 1.0, 1000.0),
            (1.5, 1.5, 1100.0),
            (2.5, 2.5, 1200.0),
            (8.0, 8.0, 1300.0),
            (8.25, 8.25, 1400.0),
        )

        def consumed(granularity):
            # Gnocchi subtracts and adds kWh as floating point numbers.
            return [
                (start, round(kwh, 9))
                for start, kwh in self.measures(
                    found, 'energy', 'rate:sum', granularity
                )
            ]

        # From 2.5 to 8 is more than an hour: the documentation warns of it.
        self.assertEqual(
            [
                (midnight + HOUR, 0.5),
                (midnight + 2 * HOUR, 1.0),
                (midnight + 8 * HOUR, 0.25),
            ],
            consumed(HOUR),
        )
        self.assertEqual([(midnight, 7.25)], consumed(DAY))

    def test_consumption_in_gnocchi_is_the_difference_in_the_api(self):
        configuration = self.installation.configure()
        # Two probes, 0.02 kWh a second.
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
        # Its first sample is to be where the agent stands still.
        self.ceilometer.polling.pause()
        self.useFixture(agent)
        before = self.settle(agent, configuration)
        self.ceilometer.polling.resume()
        self.wait_for_samples(before)

        agent.start()
        self.wait_for_polls(2)
        after = self.settle(agent, configuration)
        self.wait_for_samples(after)

        for probe in 'e1', 'e2':
            found = self.resource(probe)
            self.wait_for_measure(found, 'energy', after[probe].kwh)
            consumed = after[probe].kwh - before[probe].kwh
            self.assertGreater(consumed, 0.02)
            minutes = self.measures(found, 'energy', 'rate:sum', MINUTE)
            self.assertAlmostEqual(
                consumed, sum(kwh for _, kwh in minutes), places=9
            )
        both = self.gnocchi.aggregates(
            '(aggregate sum (metric energy rate:sum))',
            "host='e'",
            'energy_probe',
            granularity=DAY,
        )
        self.assertAlmostEqual(
            sum(after[probe].kwh - before[probe].kwh for probe in after),
            sum(measure.value for measure in both),
            places=9,
        )

    def settle(self, agent, configuration):
        """Stop the agent; give its probes when the API shows the end."""
        client = self.installation.client
        services.wait_for(
            lambda: {'e1', 'e2'} <= {*client.probe_ids()},
            60,
            'the API shows both probes',
        )
        agent.stop()

        def ended():
            probes = {name: client.probe(name) for name in ('e1', 'e2')}
            shown = sum(
                round(probe.kwh * MILLIJOULES_PER_KWH)
                for probe in probes.values()
            )
            return shown == sum(configuration.registers().values()) and probes

        return services.wait_for(ended, 60, 'the API shows the last word')

    def wait_for_samples(self, probes):
        for name, probe in probes.items():
            self.wait_for_sample(name, 'energy', probe.kwh)

    def test_prometheus_sees_the_same_labels_at_each_probe(self):
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
        services.wait_for(scrape, 60, 'both probes are exported')

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
