# SPDX-License-Identifier: Apache-2.0

"""Turns of senders."""

import collections

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.bus import turns

SHARED = ''
senders = strategies.builds(
    turns.Sender,
    strategies.sampled_from([None, SHARED, 'own-1', 'own-2']),
    strategies.sampled_from('abc'),
)


def sender_of(message):
    """Return the sender of a message, a pair of a sender and a number."""
    return message[0]


def take_turns(*sent):
    """Return the order in which messages of these senders are handled."""
    numbered = zip(sent, range(len(sent)), strict=True)
    return [sender for sender, _ in turns.take_turns(numbered, sender_of)]


class TurnsTest(base.BaseTestCase):
    def test_messages_of_one_sender_keep_their_order(self):
        sender = turns.Sender(SHARED, 'a')
        messages = [(sender, number) for number in range(5)]

        self.assertEqual(messages, turns.take_turns(messages, sender_of))

    def test_flood_lets_another_agent_pass(self):
        flooding, other = turns.Sender(SHARED, 'a'), turns.Sender(SHARED, 'b')

        self.assertEqual(
            [flooding, other, flooding, flooding],
            take_turns(flooding, flooding, flooding, other),
        )

    def test_invented_names_have_one_turn_beside_an_own_secret(self):
        # A holder of the shared secret can choose any names.
        invented = [turns.Sender(SHARED, f'agent-{n}') for n in range(100)]
        own = turns.Sender('own', 'own')

        self.assertEqual(
            [invented[0], own], take_turns(*invented, own, own)[:2]
        )

    def test_messages_without_a_signature_have_one_turn(self):
        junk, own = turns.UNVERIFIED, turns.Sender('own', 'own')

        self.assertEqual([junk, own], take_turns(junk, junk, junk, own)[:2])

    @hypothesis.given(strategies.lists(senders))
    def test_no_principal_gets_more_while_another_waits(self, sent):
        order = [sender.principal for sender in take_turns(*sent)]

        total = collections.Counter(sender.principal for sender in sent)
        self.assertEqual(total, collections.Counter(order))
        taken = collections.Counter()
        for principal in order:
            taken[principal] += 1
            for other in total:
                if taken[other] < total[other]:
                    self.assertLessEqual(taken[principal] - 1, taken[other])


class RotationTest(base.BaseTestCase):
    @hypothesis.given(
        strategies.lists(senders, max_size=30), strategies.integers(1, 4)
    )
    def test_each_principal_has_a_turn_in_a_round(self, sent, size):
        # Given batches that are smaller than the number of principals,
        waiting = list(zip(sent, range(len(sent)), strict=True))
        round_length = len({sender.principal for sender in sent})
        since = collections.Counter()

        while waiting:
            taken = turns.take_turns(waiting, sender_of)[:size]
            served = {sender_of(message) for message in taken}
            waiting = turns.rotate(
                [each for each in waiting if each not in taken],
                sender_of,
                served,
            )

            # then none that waits is passed over for more than a round.
            principals = {sender.principal for sender in served}
            for principal in {sender_of(each).principal for each in waiting}:
                since[principal] += 1
                if principal in principals:
                    since[principal] = 0
                self.assertLess(since[principal], round_length)

    def test_names_of_a_principal_have_turns_too(self):
        # Given two agents under the shared secret, and one beside them,
        a, b = turns.Sender(SHARED, 'a'), turns.Sender(SHARED, 'b')
        own = turns.Sender('own', 'own')
        waiting = [a, a, b, own, own]

        # when batches have one message,
        order = []
        while waiting:
            first = turns.take_turns(waiting, lambda sender: sender)[0]
            order.append(first)
            waiting.remove(first)
            waiting = turns.rotate(waiting, lambda sender: sender, {first})

        self.assertEqual([a, own, b, own, a], order)


class MainSenderTest(base.BaseTestCase):
    def test_message_belongs_to_the_sender_of_most_of_it(self):
        sent = [turns.Sender('', name) for name in 'abb']

        self.assertEqual(
            turns.Sender('', 'b'), turns.main_sender(sent, lambda each: each)
        )

    def test_empty_message_is_not_verified(self):
        self.assertEqual(
            turns.UNVERIFIED, turns.main_sender([], lambda each: each)
        )
