# SPDX-License-Identifier: Apache-2.0

"""The pollsters, driven as Ceilometer's polling manager drives them."""

from concurrent import futures
import importlib.metadata
import logging
import types
from unittest import mock

from ceilometer.publisher import utils as publisher_utils
import fixtures
from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1 import noauth
from keystoneauth1 import session as keystone_session
from oslo_utils import timeutils
from oslotest import base

from energy_meter import client
from energy_meter.pollsters import hypervisor
from energy_meter.pollsters import probe
from energy_meter.tests.unit import api_stub

LISTING = '/v1/probes/'


class KeystoneDownManager:
    @property
    def keystone(self):
        raise keystone_exceptions.ConnectFailure('Keystone is down')


def make_manager(timeout: float | None = None) -> types.SimpleNamespace:
    session = keystone_session.Session(auth=noauth.NoAuth(), timeout=timeout)
    return types.SimpleNamespace(
        keystone=types.SimpleNamespace(session=session)
    )


class PollsterTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.api = self.useFixture(api_stub.APIStub())
        self.manager = make_manager()
        self.energy = probe.EnergyPollster(None)
        self.power = probe.PowerPollster(None)

    def poll(self, pollster, *endpoints, cache=None):
        return list(
            pollster.get_samples(
                self.manager,
                {} if cache is None else cache,
                endpoints or [self.api.url],
            )
        )

    def poll_ids(self, pollster, *endpoints):
        return [s.resource_id for s in self.poll(pollster, *endpoints)]

    def log_lines(self):
        return self.log.output.splitlines()

    def test_energy_is_cumulative_kwh(self):
        self.api.show(a={'kwh': 1.25})

        (sample,) = self.poll(self.energy)

        self.assertEqual(
            ('energy', 'cumulative', 'kWh', 1.25, 'a'),
            (
                sample.name,
                sample.type,
                sample.unit,
                sample.volume,
                sample.resource_id,
            ),
        )

    def test_power_is_a_gauge_of_watts(self):
        self.api.show(a={'w': 173.0})

        (sample,) = self.poll(self.power)

        self.assertEqual(
            ('power', 'gauge', 'W', 173.0, 'a'),
            (
                sample.name,
                sample.type,
                sample.unit,
                sample.volume,
                sample.resource_id,
            ),
        )

    def test_metadata_says_what_is_measured(self):
        self.api.show(a={'scope': 'psu', 'host': 'h', 'wattmeter': 'm'})

        for pollster in self.energy, self.power:
            (sample,) = self.poll(pollster)

            self.assertEqual(
                {'scope': 'psu', 'host': 'h', 'wattmeter': 'm'},
                sample.resource_metadata,
            )

    def test_samples_belong_to_who_pays_for_the_probe(self):
        self.api.show(a={'project_id': None}, b={'project_id': 'p1'})

        for pollster in self.energy, self.power:
            a, b = self.poll(pollster)

            self.assertEqual((None, None), (a.user_id, a.project_id))
            self.assertEqual((None, 'p1'), (b.user_id, b.project_id))

    def test_unknown_power_is_no_sample(self):
        self.api.show(a={'w': None}, b={'w': 0.0})

        self.assertEqual(['b'], self.poll_ids(self.power))
        self.assertEqual(['a', 'b'], self.poll_ids(self.energy))

    def test_message_tells_the_time_of_the_measurement(self):
        self.api.show(a={'timestamp': 1700000000.5})
        (sample,) = self.poll(self.power)

        # As ceilometer.polling.manager does with every sample.
        sample.set_timestamp('2026-01-01T00:00:00')
        message = publisher_utils.meter_message_from_counter(sample, 'secret')

        measured_at = timeutils.parse_isotime(message['timestamp'])
        self.assertEqual(1700000000.5, measured_at.timestamp())

    def test_pollsters_share_one_request_in_a_cycle(self):
        self.api.show(a={})
        cycle = {}

        for pollster in self.energy, self.power:
            self.assertEqual(1, len(self.poll(pollster, cache=cycle)))
        self.assertEqual(1, self.api.requests[LISTING])

        self.poll(self.energy)
        self.assertEqual(2, self.api.requests[LISTING])

    def test_pollsters_that_run_at_once_share_one_request(self):
        self.api.show(a={})
        self.api.open.clear()
        cycle = {}

        with futures.ThreadPoolExecutor() as executor:
            polls = [
                executor.submit(self.poll, pollster, cache=cycle)
                for pollster in (self.energy, self.power)
            ]
            self.api.open.set()

        self.assertEqual([1, 1], [len(poll.result()) for poll in polls])
        self.assertEqual(1, self.api.requests[LISTING])

    def test_measurement_is_reported_once(self):
        self.api.show(a={'timestamp': 1.0}, b={'timestamp': 1.0})
        for pollster in self.energy, self.power:
            self.assertEqual(['a', 'b'], self.poll_ids(pollster))

        self.api.show(a={'timestamp': 1.0}, b={'timestamp': 2.0})

        for pollster in self.energy, self.power:
            self.assertEqual(['b'], self.poll_ids(pollster))

    def test_clock_that_was_set_back_silences_no_probe(self):
        self.api.show(a={'timestamp': 7200.0})
        self.poll(self.energy)

        self.api.show(a={'timestamp': 3600.0})

        self.assertEqual(['a'], self.poll_ids(self.energy))

    def test_probe_that_left_is_forgotten(self):
        self.api.show(a={}, b={})
        self.poll(self.energy)
        self.api.show(b={})
        self.poll(self.energy)

        self.api.show(a={}, b={})

        self.assertEqual(['a'], self.poll_ids(self.energy))

    def test_forms_of_an_endpoint_are_one_endpoint(self):
        self.api.show(a={})

        ids = self.poll_ids(
            self.energy,
            self.api.url,
            f'{self.api.url}v1',
            f'{self.api.url}v1/',
        )

        self.assertEqual(['a'], ids)
        self.assertEqual({LISTING: 1}, self.api.requests)

    def test_api_that_is_down_is_one_line_for_both(self):
        self.api.stop()
        cycle = {}

        for pollster in self.energy, self.power:
            self.assertEqual([], self.poll(pollster, cache=cycle))

        (line,) = self.log_lines()
        self.assertIn(f'{self.api.url}v1/probes/: Unable to', line)

    def test_api_that_is_slow_is_one_line(self):
        self.manager = make_manager(timeout=0.05)
        self.api.open.clear()

        self.assertEqual([], self.poll(self.energy))

        (line,) = self.log_lines()
        self.assertIn('timed out', line)

    def test_operator_may_choose_how_long_to_wait(self):
        for configured, used in (3.0, 3.0), (None, client.DEFAULT_TIMEOUT):
            self.manager = make_manager(timeout=configured)
            with mock.patch.object(client, 'Client') as made:
                self.poll(self.energy)

            self.assertEqual(used, made.call_args.kwargs['timeout'])

    def test_api_that_answers_garbage_is_one_line(self):
        for body in b'<html>\n</html>', b'[]', b'{"probes": {"a": {}}}':
            self.api.answers[LISTING] = 200, body
            before = len(self.log_lines())

            self.assertEqual([], self.poll(self.energy))

            self.assertEqual(before + 1, len(self.log_lines()))

    def test_endpoint_that_fails_does_not_stop_the_others(self):
        self.api.show(a={})

        ids = self.poll_ids(self.energy, 'http://127.0.0.1:1/', self.api.url)

        self.assertEqual(['a'], ids)
        self.assertEqual(1, len(self.log_lines()))

    def test_keystone_that_is_down_is_one_line(self):
        self.manager = KeystoneDownManager()

        self.assertEqual([], self.poll(self.energy))

        (line,) = self.log_lines()
        self.assertIn('Keystone is down', line)

    def test_outage_repeats_nothing(self):
        self.api.show(a={'timestamp': 1.0}, b={'timestamp': 1.0})
        self.poll(self.energy)
        self.api.stop()
        self.poll(self.energy)
        self.api.start()

        self.api.show(a={'timestamp': 1.0}, b={'timestamp': 2.0})

        self.assertEqual(['b'], self.poll_ids(self.energy))

    def test_ceilometer_finds_the_pollsters(self):
        found = {
            entry.name: entry.load()
            for entry in importlib.metadata.entry_points(
                group='ceilometer.poll.central'
            )
            if entry.dist.name == 'energy-meter'
        }

        self.assertEqual(
            {
                'energy': probe.EnergyPollster,
                'power': probe.PowerPollster,
                'hardware.ipmi.node.power': hypervisor.HypervisorPowerPollster,
            },
            found,
        )
        for name, pollster in found.items():
            self.assertEqual(
                (name, 'endpoint:energy'),
                (pollster.meter, pollster.default_discovery),
            )
