# SPDX-License-Identifier: Apache-2.0

"""Tests for the pollsters, called like by Ceilometer's polling manager."""

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

from energy_meter.clients import api
from energy_meter.pollsters import hypervisor
from energy_meter.pollsters import instance
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
        return [
            sample.resource_id for sample in self.poll(pollster, *endpoints)
        ]

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

    def test_metadata_has_scope_host_and_wattmeter(self):
        self.api.show(a={'scope': 'psu', 'host': 'h', 'wattmeter': 'm'})

        for pollster in self.energy, self.power:
            (sample,) = self.poll(pollster)

            self.assertEqual(
                {'scope': 'psu', 'host': 'h', 'wattmeter': 'm'},
                sample.resource_metadata,
            )

    def test_samples_belong_to_project_of_probe(self):
        self.api.show(a={'project_id': None}, b={'project_id': 'p1'})

        for pollster in self.energy, self.power:
            self.assertEqual(
                [(None, None), (None, 'p1')],
                [
                    (sample.user_id, sample.project_id)
                    for sample in self.poll(pollster)
                ],
            )

    def test_unknown_power_yields_no_sample(self):
        self.api.show(a={'w': None}, b={'w': 0.0})

        self.assertEqual(['b'], self.poll_ids(self.power))
        self.assertEqual(['a', 'b'], self.poll_ids(self.energy))

    def test_message_has_timestamp_of_measurement(self):
        self.api.show(a={'timestamp': 1700000000.5})
        (sample,) = self.poll(self.power)

        # As ceilometer.polling.manager does with every sample.
        sample.set_timestamp('2026-01-01T00:00:00')
        message = publisher_utils.meter_message_from_counter(sample, 'secret')

        timestamp = timeutils.parse_isotime(message['timestamp'])
        self.assertEqual(1700000000.5, timestamp.timestamp())

    def test_pollsters_share_request_within_cycle(self):
        self.api.show(a={})
        cycle = {}

        for pollster in self.energy, self.power:
            self.assertEqual(1, len(self.poll(pollster, cache=cycle)))
        self.assertEqual(1, self.api.requests[LISTING])

        self.poll(self.energy)
        self.assertEqual(2, self.api.requests[LISTING])

    def test_concurrent_pollsters_share_request(self):
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

    def test_earlier_timestamp_is_reported(self):
        self.api.show(a={'timestamp': 7200.0})
        self.poll(self.energy)

        self.api.show(a={'timestamp': 3600.0})

        self.assertEqual(['a'], self.poll_ids(self.energy))

    def test_probe_is_reported_again_after_absence(self):
        self.api.show(a={}, b={})
        self.poll(self.energy)
        self.api.show(b={})
        self.poll(self.energy)

        self.api.show(a={}, b={})

        self.assertEqual(['a'], self.poll_ids(self.energy))

    def test_endpoint_with_or_without_version_is_polled_once(self):
        self.api.show(a={})

        ids = self.poll_ids(
            self.energy,
            self.api.url,
            f'{self.api.url}v1',
            f'{self.api.url}v1/',
        )

        self.assertEqual(['a'], ids)
        self.assertEqual({LISTING: 1}, self.api.requests)

    def test_unavailable_api_is_logged_once_per_cycle(self):
        self.api.stop()
        cycle = {}

        for pollster in self.energy, self.power:
            self.assertEqual([], self.poll(pollster, cache=cycle))

        (line,) = self.log_lines()
        self.assertIn(f'{self.api.url}v1/probes/: Unable to', line)

    def test_timeout_is_logged_once(self):
        self.manager = make_manager(timeout=0.05)
        self.api.open.clear()

        self.assertEqual([], self.poll(self.energy))

        (line,) = self.log_lines()
        self.assertIn('timed out', line)

    def test_timeout_of_session_takes_precedence(self):
        for configured, expected in (3.0, 3.0), (None, api.DEFAULT_TIMEOUT_S):
            self.manager = make_manager(timeout=configured)
            with mock.patch.object(api, 'Client') as client:
                self.poll(self.energy)

            self.assertEqual(expected, client.call_args.kwargs['timeout'])

    def test_invalid_response_is_logged_once(self):
        for body in b'<html>\n</html>', b'[]', b'{"probes": {"a": {}}}':
            self.api.answers[LISTING] = 200, body
            before = len(self.log_lines())

            self.assertEqual([], self.poll(self.energy))

            self.assertEqual(before + 1, len(self.log_lines()))

    def test_failing_endpoint_does_not_affect_others(self):
        self.api.show(a={})

        ids = self.poll_ids(self.energy, 'http://127.0.0.1:1/', self.api.url)

        self.assertEqual(['a'], ids)
        self.assertEqual(1, len(self.log_lines()))

    def test_unavailable_keystone_is_logged_once(self):
        self.manager = KeystoneDownManager()

        self.assertEqual([], self.poll(self.energy))

        (line,) = self.log_lines()
        self.assertIn('Keystone is down', line)

    def test_measurement_is_not_repeated_after_outage(self):
        self.api.show(a={'timestamp': 1.0}, b={'timestamp': 1.0})
        self.poll(self.energy)
        self.api.stop()
        self.poll(self.energy)
        self.api.start()

        self.api.show(a={'timestamp': 1.0}, b={'timestamp': 2.0})

        self.assertEqual(['b'], self.poll_ids(self.energy))

    def test_entry_points_name_pollsters(self):
        pollsters = {
            entry.name: entry.load()
            for entry in importlib.metadata.entry_points(
                group='ceilometer.poll.central'
            )
            if entry.dist.name == 'energy-meter'
        }

        self.assertEqual(
            {
                'energy': probe.EnergyPollster,
                'instance.energy': instance.EnergyPollster,
                'instance.power': instance.PowerPollster,
                'power': probe.PowerPollster,
                'hardware.ipmi.node.power': hypervisor.HypervisorPowerPollster,
            },
            pollsters,
        )
        for name, pollster in pollsters.items():
            self.assertEqual(
                (name, 'endpoint:energy'),
                (pollster.meter, pollster.default_discovery),
            )
