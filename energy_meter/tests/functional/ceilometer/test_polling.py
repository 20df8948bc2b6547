# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Our pollsters in a real Ceilometer, with a real Keystone and RabbitMQ."""

import time

import fixtures
from oslo_utils import timeutils
from oslotest import base

from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import ceilometer
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import rabbitmq

HOUR = 3600.0


class PollingTest(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        identity = services.shared(keystone.Keystone)
        bus = services.shared(rabbitmq.RabbitMQ)
        directory = self.useFixture(fixtures.TempDir())
        self.api = self.useFixture(api.API(
            identity, f'sqlite:///{directory.join("energy_meter.sqlite")}'))
        self.ceilometer = self.useFixture(
            ceilometer.Ceilometer(identity, bus.add_vhost()))

    def samples_of(self, meter, probe):
        return [sample for sample in self.ceilometer.samples()
                if (sample['name'], sample['resource_id']) == (meter, probe)]

    def wait_for_samples(self, number):
        return services.wait_for(
            lambda: len(found := self.ceilometer.samples()) >= number
            and found, 60, f'{number} samples are published')

    def polls(self):
        return self.ceilometer.polling.output().count(
            'Finished polling pollster energy')

    def wait_for_polls(self, number):
        # One may be under way.
        enough = self.polls() + number + 1
        services.wait_for(lambda: self.polls() >= enough, 60,
                          f'Ceilometer polls {number} times')

    def complaints(self):
        return self.ceilometer.polling.output().count(
            'No samples of energy_meter')

    def test_samples_say_what_was_measured_and_when(self):
        an_hour_ago = round(time.time() - HOUR, 3)

        self.api.meter('rack 1/höhe', an_hour_ago, kwh=1.25, watts=173.0,
                       elapsed=HOUR)

        found = {sample['name']: sample
                 for sample in self.wait_for_samples(2)}
        for meter, kind, unit, volume in (
                ('energy', 'cumulative', 'kWh', 1.25),
                ('power', 'gauge', 'W', 173.0)):
            sample = found[meter]
            self.assertEqual((kind, unit, volume, 'rack 1/höhe'),
                             (sample['type'], sample['unit'],
                              sample['volume'], sample['resource_id']))
            self.assertEqual(
                {'scope': 'node', 'host': 'host-rack 1/höhe',
                 'wattmeter': 'meter'}, sample['resource_metadata'])
            self.assertEqual((None, None),
                             (sample['user_id'], sample['project_id']))
            measured_at = timeutils.parse_isotime(sample['timestamp'])
            self.assertEqual(an_hour_ago, measured_at.timestamp())

    def test_measurement_is_reported_once(self):
        now = time.time()
        self.api.meter('a', now - 2, kwh=1.0, watts=100.0, elapsed=60.0)
        self.api.meter('b', now - 2, kwh=1.0, watts=None, elapsed=60.0)
        self.wait_for_samples(3)
        self.wait_for_polls(2)

        self.api.meter('a', now - 1, kwh=1.5, watts=50.0, elapsed=61.0)
        self.wait_for_samples(5)
        self.wait_for_polls(2)

        volumes = {
            (meter, probe): [sample['volume'] for sample
                             in self.samples_of(meter, probe)]
            for meter in ceilometer.METERS for probe in 'ab'}
        self.assertEqual(
            {('energy', 'a'): [1.0, 1.5], ('power', 'a'): [100.0, 50.0],
             ('energy', 'b'): [1.0], ('power', 'b'): []}, volumes)

    def test_api_that_is_down_is_one_line_a_poll(self):
        now = time.time()
        self.api.meter('a', now - 2, kwh=1.0, watts=100.0, elapsed=60.0)
        self.wait_for_samples(2)

        self.api.stop()
        polls, complaints = self.polls(), self.complaints()
        self.wait_for_polls(2)
        polls = self.polls() - polls
        complaints = self.complaints() - complaints
        self.api.meter('a', now - 1, kwh=1.5, watts=50.0, elapsed=61.0)
        self.api.start()
        self.wait_for_samples(4)

        self.assertIn(complaints, (polls - 1, polls, polls + 1))
        self.assertEqual([1.0, 1.5], [sample['volume'] for sample
                                      in self.samples_of('energy', 'a')])
        self.assertNotIn('Traceback', self.ceilometer.polling.output())
