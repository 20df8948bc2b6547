# SPDX-License-Identifier: Apache-2.0

"""Tests of the consumer of measurements."""

import logging
import queue

import fixtures

from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import signing
from energy_meter.bus import authorization
from energy_meter.bus import consumer
from energy_meter.bus import envelope
from energy_meter.bus import metrics
from energy_meter.bus import publisher
from energy_meter.telemetry import counters
from energy_meter.tests import series
from energy_meter.tests import usages
from energy_meter.tests.unit.bus import base

TIMEOUT_S = 20.0


class MeasurementConsumerTest(base.BusTestCase):
    def setUp(self):
        super().setUp()
        self.conf.set_override('secrets', ['current-secret'], 'bus')
        self.log = self.useFixture(fixtures.FakeLogger('test'))
        self.counters = counters.Counters(metrics.consumer())
        self.batches = queue.Queue()

    def make(self, pool='test'):
        return consumer.MeasurementConsumer(
            self.conf,
            self.batches.put,
            self.counters,
            log_throttle.ThrottledLogger(logging.getLogger('test')),
            10,
            0.05,
            pool,
        )

    def start(self):
        """Start a consumer and return a publisher on its bus."""
        started = self.make()
        started.start()
        self.addCleanup(started.stop)
        return publisher.MeasurementPublisher(
            self.transport, base.KEYRING, 'agent'
        )

    def test_cpu_time_travels_over_the_bus_like_energy(self):
        bus = self.start()
        measurements = [
            base.make_measurement('a', 'w'),
            base.make_measurement('a-cpu', 'w', usage=usages.usage(5, 7)),
        ]

        bus.publish(measurements)

        self.assertEqual(measurements, self.batches.get(timeout=20))

    def test_measurements_of_a_batch_are_handled_together(self):
        measurements = [
            base.make_measurement('a', 'w'),
            base.make_measurement('b', 'v'),
        ]
        self.make()._handle(
            [
                envelope.sign(base.KEYRING, [measurement])
                for measurement in measurements
            ]
        )
        self.assertEqual(measurements, self.batches.get_nowait())
        self.assertEqual(2, self.counters.value('messages_received'))
        self.assertEqual(2, self.counters.value('measurements_received'))

    def test_large_batch_is_handled_in_parts(self):
        self.patch(consumer, '_MAX_MEASUREMENTS', 2)
        measurements = [base.make_measurement(name, 'w') for name in 'abcde']

        self.make()._handle(
            [
                envelope.sign(base.KEYRING, [measurement])
                for measurement in measurements
            ]
        )

        parts = [self.batches.get_nowait() for _ in range(3)]
        self.assertEqual([2, 2, 1], [len(part) for part in parts])
        self.assertEqual(
            measurements, [received for part in parts for received in part]
        )

    def test_rejected_envelopes_are_counted_and_logged_once(self):
        valid = envelope.sign(base.KEYRING, [base.make_measurement()])
        forged = valid | {'signature': '0' * 64}
        self.make()._handle([forged, valid, forged, None])
        self.assertEqual([base.make_measurement()], self.batches.get_nowait())
        self.assertEqual(
            2,
            self.counters.value('envelopes_rejected', reason='bad_signature'),
        )
        self.assertEqual(
            1, self.counters.value('envelopes_rejected', reason='malformed')
        )
        self.assertEqual(1, self.log.output.count('bad_signature'))

    def test_unknown_version_is_counted_and_logged(self):
        # Given an agent that was upgraded before its readers,
        signed = envelope.sign(base.KEYRING, [base.make_measurement()])

        # when its messages arrive, then the operator can see what to do.
        self.make()._handle([signed | {'version': 3}] * 2)
        self.assertTrue(self.batches.empty())
        self.assertEqual(
            2,
            self.counters.value(
                'envelopes_rejected', reason='unknown_version'
            ),
        )
        self.assertEqual(
            1, self.log.output.count('upgrade readers before agents')
        )

    def test_flood_of_an_agent_delays_another_by_two_batches(self):
        # Given 200 messages of an agent in the queue, then one of another,
        for elapsed in range(200):
            self.publish('flooding', elapsed)
        self.publish('other', 0)

        # when a reader whose batches have ten messages has read them ahead,
        started = self.make(pool=None)
        (source,) = started._sources._listeners
        handled = []

        def handle(measurements):
            with source._window._changed:
                source._window._changed.wait_for(
                    lambda: (
                        handled
                        or len(source._window._waiting) + len(measurements)
                        == 201
                    ),
                    TIMEOUT_S,
                )
            handled.append([each.probe.agent for each in measurements])
            self.batches.put(handled[-1])

        started._handler = handle
        started.start()
        self.addCleanup(started.stop)

        # then it is in the second batch at the latest.
        first, second = (self.batches.get(timeout=TIMEOUT_S) for _ in 'ab')
        self.assertIn('other', first + second)

    def publish(self, agent, elapsed):
        """Publish a message with a measurement of an agent."""
        outgoing = base.make_measurement(elapsed=elapsed)
        publisher.MeasurementPublisher(
            self.transport, base.KEYRING, agent
        ).publish(
            [
                series.change(
                    outgoing, probe=outgoing.probe._replace(agent=agent)
                )
            ]
        )

    def test_marks_are_handed_on(self):
        mark = base.make_measurement(watts=None, is_mark=True)

        self.make()._handle([envelope.sign(base.KEYRING, [mark])])

        self.assertEqual([mark], self.batches.get_nowait())

    def test_batch_without_measurements_is_not_handled(self):
        self.make()._handle([None, 5, {}])
        self.assertTrue(self.batches.empty())

    def test_unauthorized_probes_are_dropped(self):
        self.useFixture(
            fixtures.MockPatchObject(
                consumer.authorization,
                'load',
                return_value=authorization.Verifier(
                    ['current-secret'],
                    [authorization.Agent('other', ['own'], ['b*'])],
                ),
            )
        )
        measurements = [
            base.make_measurement('a'),
            base.make_measurement('b1'),
            base.make_measurement('b2'),
        ]
        self.make()._handle([envelope.sign(base.KEYRING, measurements)] * 2)
        self.assertEqual([measurements[0]] * 2, self.batches.get_nowait())
        self.assertEqual(2, self.counters.value('measurements_received'))
        self.assertEqual(
            2,
            self.counters.value('envelopes_rejected', reason='reserved_probe'),
        )
        self.assertEqual(1, self.log.output.count('reserved_probe'))

    def test_foreign_hosts_are_logged_once_per_agent(self):
        names = ['tenant-1', 'tenant-2']
        agents = [
            authorization.Agent(name, [name], [f'{name}-*']) for name in names
        ]
        self.useFixture(
            fixtures.MockPatchObject(
                consumer.authorization,
                'load',
                return_value=authorization.Verifier([], agents),
            )
        )
        measured = base.make_measurement()

        self.make()._handle(
            [
                envelope.sign(
                    signing.Keyring([name]),
                    [
                        series.change(
                            measured,
                            probe=measured.probe._replace(
                                id=f'{name}-a', host='web-1', agent=name
                            ),
                        )
                    ],
                )
                for name in names * 5
            ]
        )

        self.assertEqual(2, self.log.output.count('unauthorized_host'))
        self.assertEqual(
            10,
            self.counters.value(
                'envelopes_rejected', reason='unauthorized_host'
            ),
        )
        self.assertEqual(
            ['tenant-1-a', 'tenant-2-a'] * 5,
            [received.probe.host for received in self.batches.get_nowait()],
        )

    def test_reload_replaces_the_secrets(self):
        signed = envelope.sign(
            signing.Keyring(['new']), [base.make_measurement()]
        )
        reloaded = self.make()
        reloaded._handle([signed])
        self.assertTrue(self.batches.empty())
        self.conf.set_override('secrets', ['current-secret', 'new'], 'bus')
        reloaded.reload(self.conf)
        reloaded._handle([signed])
        self.assertEqual([base.make_measurement()], self.batches.get_nowait())

    def test_reload_without_secrets_keeps_the_old_ones(self):
        reloaded = self.make()
        self.conf.set_override('secrets', [], 'bus')
        self.assertRaises(exception.MissingSecrets, reloaded.reload, self.conf)
        reloaded._handle(
            [envelope.sign(base.KEYRING, [base.make_measurement()])]
        )
        self.assertEqual([base.make_measurement()], self.batches.get_nowait())

    def test_published_measurements_arrive(self):
        self.start().publish([base.make_measurement()])
        self.assertEqual(
            [base.make_measurement()], self.batches.get(timeout=TIMEOUT_S)
        )

    def test_reconnect_is_counted(self):
        self.start()
        base.log_reconnect()
        self.assertEqual(1, self.counters.value('broker_reconnects'))

    def test_missing_secrets_are_an_error(self):
        self.conf.set_override('secrets', [], 'bus')
        self.assertRaises(exception.MissingSecrets, self.make)
