# SPDX-License-Identifier: Apache-2.0

"""The window of messages that a reader has received."""

import queue
import threading

from oslotest import base

from energy_meter.bus import message
from energy_meter.bus import turns
from energy_meter.bus import window

TIMEOUT_S = 20.0


class _Incoming:
    def __init__(self, agent):
        self.sender = turns.Sender('', agent)
        self.requeued = threading.Event()
        self.requeue = self.requeued.set


class WindowTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.patch(message, 'size', lambda incoming: 1)
        self.identified = []
        self.window = window.Window(self.sender_of)

    def sender_of(self, incoming):
        self.identified.append(incoming)
        return incoming.sender

    def put(self, agents):
        """Put a message of each agent."""
        messages = [_Incoming(agent) for agent in agents]
        self.window.put(messages)
        return messages

    def take(self, count):
        return [
            incoming.sender.agent for incoming in self.window.take(count, 0.01)
        ]

    def put_in_thread(self, agent):
        """Put a message, and return it and the queue that says it is done."""
        incoming, done = _Incoming(agent), queue.Queue()
        threading.Thread(
            target=lambda: (self.window.put([incoming]), done.put(None)),
            daemon=True,
        ).start()
        return incoming, done

    def test_agents_take_turns(self):
        self.put('aaaaab')

        self.assertEqual(['a', 'b'], self.take(2))
        self.assertEqual(['a', 'a'], self.take(2))

    def test_turns_go_on_in_the_next_batch(self):
        self.put('aaabbbccc')

        taken = [self.take(1) for _ in range(9)]

        self.assertEqual([[agent] for agent in 'abcabcabc'], taken)

    def test_agent_that_arrives_late_has_the_turn_after_next(self):
        self.put('aaaaa')
        self.take(1)
        self.put('b')

        self.assertEqual([['a'], ['b']], [self.take(1), self.take(1)])

    def test_size_of_a_batch_is_bounded_while_agents_take_turns(self):
        self.patch(window, 'MAX_BATCH_BYTES', 2)
        self.put('aaaaab')

        self.assertEqual(['a', 'b'], self.take(3))
        self.assertEqual(['a', 'a', 'a'], self.take(3))

    def test_large_message_is_a_batch(self):
        self.patch(window, 'MAX_BATCH_BYTES', 0)
        self.put('abab')

        self.assertEqual([['a'], ['b']], [self.take(2), self.take(2)])

    def test_each_message_is_identified_once(self):
        messages = self.put('aaab')

        self.take(1)
        self.take(1)

        self.assertCountEqual(messages, self.identified)

    def test_what_fits_into_a_batch_is_not_identified(self):
        self.put('aab')

        self.assertEqual(['a', 'a', 'b'], self.take(3))
        self.assertEqual([], self.identified)

    def test_batch_waits_for_more_messages(self):
        self.put('a')
        taken = queue.Queue()
        threading.Thread(
            target=lambda: taken.put(self.window.take(2, TIMEOUT_S)),
            daemon=True,
        ).start()

        self.put('b')

        self.assertEqual(2, len(taken.get(timeout=TIMEOUT_S)))

    def test_size_of_messages_is_bounded(self):
        self.patch(window, 'MAX_BYTES', 2)
        self.put('ab')

        _, done = self.put_in_thread('c')

        self.assertRaises(queue.Empty, done.get, timeout=0.01)
        self.assertEqual(['a'], self.take(1))
        done.get(timeout=TIMEOUT_S)
        self.assertEqual(['b', 'c'], self.take(2))

    def test_number_of_messages_is_bounded(self):
        self.patch(window, 'MAX_MESSAGES', 2)
        self.put('ab')

        _, done = self.put_in_thread('c')

        self.assertRaises(queue.Empty, done.get, timeout=0.01)
        self.assertEqual(['a', 'b'], self.take(2))
        done.get(timeout=TIMEOUT_S)

    def test_closed_window_requeues_all_messages(self):
        self.patch(window, 'MAX_MESSAGES', 2)
        waiting = self.put('ab')
        blocked, _ = self.put_in_thread('c')

        self.window.close()

        (late,) = self.put('d')
        for incoming in (*waiting, blocked, late):
            self.assertTrue(incoming.requeued.wait(TIMEOUT_S))
        self.assertEqual([], self.take(1))

    def test_batch_is_requeued_if_the_window_is_closed_meanwhile(self):
        def close(incoming):
            closing.close()
            return incoming.sender

        closing = window.Window(close)
        messages = [_Incoming(agent) for agent in 'ab']
        closing.put(messages)

        self.assertEqual([], closing.take(1, 0.01))
        for incoming in messages:
            self.assertTrue(incoming.requeued.is_set())

    def test_closing_ends_the_wait_for_messages(self):
        taken = queue.Queue()
        threading.Thread(
            target=lambda: taken.put(self.window.take(1, TIMEOUT_S)),
            daemon=True,
        ).start()

        self.window.close()

        self.assertEqual([], taken.get(timeout=TIMEOUT_S))
