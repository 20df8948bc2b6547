# SPDX-License-Identifier: Apache-2.0


"""What becomes of envelopes."""

import logging
import queue

import fixtures

from energy_meter import complaint
from energy_meter import counters
from energy_meter import exception
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import intake
from energy_meter.bus import publisher
from energy_meter.bus import trust
from energy_meter.tests.unit.bus import base

PATIENCE = 20.0


class IntakeTest(base.BusTestCase):
    def setUp(self):
        super().setUp()
        self.conf.set_override('secrets', ['current-secret'], 'bus')
        self.log = self.useFixture(fixtures.FakeLogger('test'))
        self.counters = counters.Counters()
        self.taken = queue.Queue()

    def make(self, pool='test'):
        return intake.Intake(
            self.conf,
            self.taken.put,
            self.counters,
            complaint.Complaints(logging.getLogger('test')),
            10,
            0.05,
            pool,
        )

    def start(self):
        found = self.make()
        found.start()
        self.addCleanup(found.stop)
        return publisher.Publisher(self.transport, base.KEYRING, 'agent')

    def test_measurements_of_a_batch_come_together(self):
        words = [base.word('a', 'w'), base.word('b', 'v')]
        self.make()._handle(
            [envelope.seal(base.KEYRING, [word]) for word in words]
        )
        self.assertEqual(words, self.taken.get_nowait())
        self.assertEqual(2, self.counters.value('messages'))
        self.assertEqual(2, self.counters.value('measurements'))

    def test_what_is_not_believed_is_counted_and_told_once(self):
        good = envelope.seal(base.KEYRING, [base.word()])
        forged = good | {'signature': '0' * 64}
        self.make()._handle([forged, good, forged, None])
        self.assertEqual([base.word()], self.taken.get_nowait())
        self.assertEqual(
            2, self.counters.value('rejected', cause='bad-signature')
        )
        self.assertEqual(1, self.counters.value('rejected', cause='malformed'))
        self.assertEqual(1, self.log.output.count('bad-signature'))

    def test_batch_without_a_measurement_is_not_handed_over(self):
        self.make()._handle([None, 5, {}])
        self.assertTrue(self.taken.empty())

    def test_probes_of_which_a_sender_may_not_speak_are_left_out(self):
        self.useFixture(
            fixtures.MockPatchObject(
                intake.trust,
                'load',
                return_value=trust.Trust(
                    ['current-secret'], [trust.Agent('other', ['own'], ['b*'])]
                ),
            )
        )
        words = [base.word('a'), base.word('b1'), base.word('b2')]
        self.make()._handle([envelope.seal(base.KEYRING, words)] * 2)
        self.assertEqual([words[0]] * 2, self.taken.get_nowait())
        self.assertEqual(2, self.counters.value('measurements'))
        self.assertEqual(
            2, self.counters.value('rejected', cause='bound-probe')
        )
        self.assertEqual(1, self.log.output.count('bound-probe'))

    def test_secrets_are_read_anew(self):
        sealed = envelope.seal(signing.Keyring(['new']), [base.word()])
        found = self.make()
        found._handle([sealed])
        self.assertTrue(self.taken.empty())
        self.conf.set_override('secrets', ['current-secret', 'new'], 'bus')
        found.reload(self.conf)
        found._handle([sealed])
        self.assertEqual([base.word()], self.taken.get_nowait())

    def test_secrets_that_are_gone_leave_the_old_ones(self):
        found = self.make()
        self.conf.set_override('secrets', [], 'bus')
        self.assertRaises(exception.MissingSecrets, found.reload, self.conf)
        found._handle([envelope.seal(base.KEYRING, [base.word()])])
        self.assertEqual([base.word()], self.taken.get_nowait())

    def test_published_measurements_arrive(self):
        self.start().publish([base.word()])
        self.assertEqual([base.word()], self.taken.get(timeout=PATIENCE))

    def test_a_broker_that_was_lost_is_counted(self):
        self.start()
        base.tell_of_reconnect()
        self.assertEqual(1, self.counters.value('reconnects'))

    def test_no_secret_no_service(self):
        self.conf.set_override('secrets', [], 'bus')
        self.assertRaises(exception.MissingSecrets, self.make)
