# SPDX-License-Identifier: Apache-2.0

"""Envelopes: what is sealed is read, and nothing else is."""

import copy
import hashlib
import hmac
import json
import math
import pathlib
import re

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.conf import agent as agent_conf

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE / 'golden_envelope.json'
PAGE = HERE.parents[3] / 'doc/source/reference/message-format.rst'

AGENT = '9e107d9d-3721-4f2b-8a6e-0d6f5b1c2a34'
KEYRING = signing.Keyring(['current-secret', 'previous-secret'])

ids = strategies.text(min_size=1, max_size=190).filter(envelope.is_id)
numbers = strategies.floats(0, allow_infinity=False)
integers = strategies.integers(0, measurement.INTEGER_LIMIT - 1)
rows = strategies.tuples(
    numbers, numbers, integers, numbers, *[strategies.none() | numbers] * 3
)


@strategies.composite
def batches(draw):
    """Measurements of one wattmeter, register by register."""
    wattmeter, driver, name = draw(ids), draw(ids), draw(ids)
    keys = draw(
        strategies.lists(
            strategies.builds(
                measurement.RegisterKey,
                strategies.just(AGENT),
                strategies.from_regex('[0-9a-f]{16}', fullmatch=True),
                integers,
            ),
            min_size=1,
            max_size=4,
            unique=True,
        )
    )
    found = []
    for key in keys:
        probe = measurement.Probe(
            draw(ids),
            draw(strategies.sampled_from(measurement.SCOPES)),
            draw(ids),
            wattmeter,
            driver,
            name,
        )
        found += [
            measurement.Measurement(probe, key, *row)
            for row in draw(strategies.lists(rows, min_size=1, max_size=4))
        ]
    return found


def sample():
    probe = measurement.Probe('p', 'node', 'p', 'w', 'dummy', 'agent')
    key = measurement.RegisterKey(AGENT, '0123456789abcdef', 1)
    return [measurement.Measurement(probe, key, 1.7e9, 10.0, 1000, 10.0, 0.1)]


def sign(body, **fields):
    """Sign any body, as the documentation says."""
    secret = b'current-secret'
    key_id = hmac.new(secret, b'energy_meter key id', hashlib.sha256)
    sealed = {
        'version': 1,
        'key_id': key_id.hexdigest()[:16],
        'agent': AGENT,
        'agent_name': 'agent',
        'body': body,
    } | fields
    lines = [
        'energy_meter',
        *(
            str(sealed[name])
            for name in ('version', 'key_id', 'agent', 'agent_name', 'body')
        ),
    ]
    sealed['signature'] = hmac.new(
        secret, '\n'.join(lines).encode(), hashlib.sha256
    ).hexdigest()
    return sealed


def body(**changes):
    """Give a good body, with fields of its only register replaced."""
    register = {
        'probe': 'p',
        'scope': 'node',
        'host': 'p',
        'register': '0123456789abcdef',
        'incarnation': 1,
        'measurements': [[1.7e9, 10.0, 1000, 10.0, 0.1, None, None]],
    }
    return json.dumps(
        {
            'wattmeter': 'w',
            'driver': 'dummy',
            'registers': [register | changes],
        }
    )


def row(**changes):
    values = {
        'time': 1.7e9,
        'elapsed': 10.0,
        'millijoules': 1000,
        'metered': 10.0,
        'watts': 0.1,
        'volts': None,
        'amperes': None,
    }
    return [list((values | changes).values())]


class EnvelopeCase(base.BaseTestCase):
    def assert_rejected(self, cause, item):
        error = self.assertRaises(
            exception.RejectedMessage, envelope.unseal, KEYRING, item
        )
        self.assertEqual(cause, error.cause, str(error))
        # It goes into the log: one line, and not a long one.
        self.assertLess(len(str(error)), 250)
        self.assertTrue(str(error).isprintable())


class RoundTripTest(EnvelopeCase):
    @hypothesis.given(batches())
    def test_what_is_sealed_is_read(self, words):
        sealed = envelope.seal(KEYRING, words)

        # It travels as JSON.
        self.assertEqual(
            words, envelope.unseal(KEYRING, json.loads(json.dumps(sealed)))
        )

    def test_readings_of_one_register_go_together_in_their_order(self):
        (first,) = sample()
        other = first._replace(register=first.register._replace(id='f' * 16))
        later = first._replace(elapsed=11.0)

        words = envelope.unseal(
            KEYRING, envelope.seal(KEYRING, [first, other, later])
        )

        self.assertEqual([first, later, other], words)

    def test_one_register_id_at_two_probes_stays_two(self):
        # No agent does so, but a forwarder signs anew what anybody sent.
        (first,) = sample()
        other = first._replace(probe=first.probe._replace(id='other'))

        self.assertEqual(
            [first, other],
            envelope.unseal(KEYRING, envelope.seal(KEYRING, [first, other])),
        )

    def test_the_largest_batch_of_the_longest_names_fits(self):
        # Given names as long as may be, of the largest characters,
        (word,) = sample()
        name = '\U0001f50c' * 190
        probe = word.probe._replace(
            id=name, host=name, wattmeter=name, agent=name, scope='cpu-package'
        )
        widest = word._replace(
            probe=probe,
            time=1 / 3e-9,
            elapsed=1 / 3e-7,
            metered=1 / 3e-7,
            millijoules=measurement.INTEGER_LIMIT - 1,
            watts=1e5 / 3,
            volts=1e3 / 3,
            amperes=1e3 / 3,
        )

        # when each measurement of the largest batch is of another register,
        (most,) = [
            opt.type.max for opt in agent_conf.OPTS if opt.name == 'max_batch'
        ]
        words = [
            widest._replace(
                register=measurement.RegisterKey(AGENT, f'{i:016x}', 2**31)
            )
            for i in range(most)
        ]

        # then readers don't find it too large.
        self.assertEqual(
            words, envelope.unseal(KEYRING, envelope.seal(KEYRING, words))
        )

    def test_what_an_old_secret_signed_is_read(self):
        sealed = envelope.seal(signing.Keyring(['previous-secret']), sample())

        self.assertEqual(sample(), envelope.unseal(KEYRING, sealed))

    def test_what_another_secret_signed_is_not(self):
        sealed = envelope.seal(signing.Keyring(['other-secret']), sample())

        self.assert_rejected('unknown-key', sealed)


class GoldenTest(EnvelopeCase):
    """The example of the documentation, byte for byte."""

    WORDS = [
        measurement.Measurement(
            measurement.Probe(
                'rack1-pdu-1',
                'outlet',
                'node-41',
                'rack1-pdu',
                'snmp',
                'meter-1',
            ),
            measurement.RegisterKey(AGENT, '4f9c1b7e02d83a65', 7),
            1700000000.5,
            3600.25,
            622843250,
            3600.25,
            173.0,
            230.1,
            0.79,
        ),
        measurement.Measurement(
            measurement.Probe(
                'rack1-pdu-1',
                'outlet',
                'node-41',
                'rack1-pdu',
                'snmp',
                'meter-1',
            ),
            measurement.RegisterKey(AGENT, '4f9c1b7e02d83a65', 7),
            1700000001.5,
            3601.25,
            623016250,
            3601.25,
            173.0,
            230.0,
            0.79,
        ),
        measurement.Measurement(
            measurement.Probe(
                'Büro 3', 'outlet', 'Büro 3', 'rack1-pdu', 'snmp', 'meter-1'
            ),
            measurement.RegisterKey(AGENT, 'a01d22c96e5b7f48', 7),
            1700000001.5,
            3601.25,
            90031250,
            3541.0,
        ),
    ]

    def setUp(self):
        super().setUp()
        self.golden = json.loads(GOLDEN.read_text('utf-8'))

    def test_it_is_what_is_sealed(self):
        self.assertEqual(self.golden, envelope.seal(KEYRING, self.WORDS))

    def test_it_is_read(self):
        self.assertEqual(self.WORDS, envelope.unseal(KEYRING, self.golden))

    def test_it_is_made_as_the_page_says(self):
        made = sign(self.golden['body'], agent_name='meter-1')

        self.assertEqual(self.golden, made)

    def test_the_page_shows_it(self):
        (shown,) = re.findall(
            r'^\.\. literalinclude:: (.+)$',
            PAGE.read_text('utf-8'),
            re.MULTILINE,
        )

        self.assertEqual(GOLDEN, (PAGE.parent / shown).resolve())

    def test_the_page_names_every_field(self):
        page = PAGE.read_text('utf-8')
        content = json.loads(self.golden['body'])

        for name in (
            *self.golden,
            *content,
            *content['registers'][0],
            *measurement.Measurement._fields[2:],
            *measurement.SCOPES,
        ):
            self.assertIn(f'``{name}``', page)

    def test_the_secret_and_key_id_of_the_page_are_those_of_the_example(self):
        page = PAGE.read_text('utf-8')

        self.assertIn('``current-secret``', page)
        self.assertIn(f'``{self.golden["key_id"]}``', page)


class ForgeryTest(EnvelopeCase):
    def setUp(self):
        super().setUp()
        self.sealed = envelope.seal(KEYRING, sample())

    def test_nothing_signed_can_be_relabelled(self):
        for name, value in (
            ('agent', AGENT.replace('9', '8')),
            ('agent_name', 'another'),
            ('body', self.sealed['body'].replace('1000', '2000')),
            ('body', self.sealed['body'] + ' '),
            ('key_id', signing.key_id('previous-secret')),
            ('signature', '0' * 64),
        ):
            self.assert_rejected('bad-signature', self.sealed | {name: value})

    def test_lines_can_not_be_shifted_against_each_other(self):
        # Signed are lines; were a line feed let into a name, the end of the
        # name could be taken for the beginning of the body.
        name, text = 'agent', self.sealed['body']

        self.assert_rejected(
            'malformed',
            self.sealed
            | {'agent_name': f'{name}\n{text[:5]}', 'body': text[5:]},
        )

    def test_other_versions_are_not_guessed_at(self):
        for version in (0, 2, True, 1.0, '1', None, [1], 10**5000):
            self.assert_rejected(
                'unknown-version', self.sealed | {'version': version}
            )

    def test_exactly_the_known_fields_are_expected(self):
        self.assert_rejected('malformed', self.sealed | {'more': 1})
        for name in self.sealed:
            fewer = dict(self.sealed)
            del fewer[name]
            self.assert_rejected('malformed', fewer)

    def test_what_is_no_envelope_is_rejected(self):
        for item in (
            None,
            True,
            5,
            1.5,
            'text',
            [],
            [self.sealed],
            {},
            list(self.sealed.items()),
        ):
            self.assert_rejected('malformed', item)

    def test_fields_of_odd_types_are_rejected(self):
        for name in self.sealed.keys() - {'version'}:
            for value in (
                None,
                True,
                5,
                [],
                {},
                ['a'],
                '\ud800',
                '\ud800' * 16,
                '\ud800' * 64,
            ):
                self.assert_rejected('malformed', self.sealed | {name: value})

    def test_a_body_too_large_is_not_even_verified(self):
        for text in (
            'x' * (envelope.MAX_BODY + 1),
            'é' * (envelope.MAX_BODY // 2 + 1),
        ):
            self.assert_rejected('too-large', self.sealed | {'body': text})

    @hypothesis.given(strategies.data())
    def test_no_change_of_one_character_passes(self, data):
        name = data.draw(
            strategies.sampled_from(
                ['key_id', 'agent', 'agent_name', 'body', 'signature']
            )
        )
        value = self.sealed[name]
        place = data.draw(strategies.integers(0, len(value)))
        width = data.draw(strategies.integers(0, 1))
        changed = (
            value[:place]
            + data.draw(strategies.characters())
            + value[place + width :]
        )
        hypothesis.assume(changed != value)

        self.assertRaises(
            exception.RejectedMessage,
            envelope.unseal,
            KEYRING,
            self.sealed | {name: changed},
        )

    @hypothesis.given(strategies.integers(0, 200))
    def test_truncated_bodies_are_rejected(self, length):
        text = self.sealed['body'][:length]
        hypothesis.assume(text != self.sealed['body'])

        self.assert_rejected('bad-signature', self.sealed | {'body': text})
        # Nor would they be read if somebody signed them.
        self.assert_rejected('malformed', sign(text))


class BodyTest(EnvelopeCase):
    """Bodies that are signed well, and yet are no good."""

    def test_the_body_that_the_others_are_made_of_is_good(self):
        self.assertEqual(sample(), envelope.unseal(KEYRING, sign(body())))

    def test_what_is_no_json_object_is_rejected(self):
        for text in (
            '',
            ' ',
            'x',
            '{',
            '[]',
            '5',
            '"a"',
            'null',
            '{}',
            '\ufeff' + body(),
            body() + body(),
            body() + ',',
            '{"wattmeter": "w"}',
            "{'wattmeter': 'w'}",
        ):
            self.assert_rejected('malformed', sign(text))

    def test_deep_nesting_is_rejected(self):
        for depth in (10, 900, 990, 1_000, 100_000):
            for opening, closing in ('[]', ('{"a":', '}')):
                nested = opening * depth + '1' + closing * depth
                self.assert_rejected('malformed', sign(nested))
                for name in ('"node"', '"0123456789abcdef"'):
                    self.assert_rejected(
                        'malformed', sign(body().replace(name, nested))
                    )

    def test_numbers_that_are_none_are_rejected(self):
        for text in (
            'NaN',
            'Infinity',
            '-Infinity',
            '1e999',
            '-1e999',
            '9' * 4000,
            '9' * 5000,
            '9' * 400 + '.5',
            '-1',
            '-0.5',
            '9007199254740992',
            'true',
            '"5"',
            '[]',
            '{}',
        ):
            for place in ('1700000000.0', '1000', '0.1'):
                self.assert_rejected(
                    'malformed', sign(body().replace(place, text))
                )

    def test_a_key_given_twice_is_rejected(self):
        for name in ('"wattmeter"', '"probe"', '"measurements"'):
            text = body().replace(name, f'{name}: 1, {name}')
            self.assert_rejected('malformed', sign(text))

    def test_fields_more_or_fewer_are_rejected(self):
        self.assert_rejected('malformed', sign(body(more=1)))
        for name in ('wattmeter', 'registers', 'probe', 'measurements'):
            self.assert_rejected(
                'malformed', sign(body().replace(f'"{name}"', '"other"'))
            )

    def test_names_must_be_printable(self):
        for value in (
            '',
            ' ',
            'a ',
            ' a',
            'a\nb',
            'a\tb',
            'a\0b',
            '\ud800',
            '\u202e',
            'x' * 191,
            None,
            5,
            True,
            ['a'],
            {'a': 1},
        ):
            for name in ('probe', 'host'):
                self.assert_rejected('malformed', sign(body(**{name: value})))
            for name in ('wattmeter', 'driver'):
                content = json.loads(body()) | {name: value}
                self.assert_rejected('malformed', sign(json.dumps(content)))

    def test_unknown_scopes_are_rejected(self):
        for value in ('', 'Node', 'rack', None, 1, ['node'], {'node': 1}):
            self.assert_rejected('malformed', sign(body(scope=value)))

    def test_registers_are_named_by_16_digits(self):
        for value in (
            '',
            '0123456789abcde',
            '0123456789abcdef0',
            '0123456789ABCDEF',
            '0123456789abcdeg',
            '\u0660' * 16,
            '0123456789abcdef\n',
            None,
            5,
            ['a'],
        ):
            self.assert_rejected('malformed', sign(body(register=value)))

    def test_integers_must_be_integers(self):
        for value in (1.0, 1.5, True, '1', None, -1, 2**53, [1]):
            self.assert_rejected('malformed', sign(body(incarnation=value)))
            self.assert_rejected(
                'malformed', sign(body(measurements=row(millijoules=value)))
            )

    def test_times_must_be_known(self):
        for name in ('time', 'elapsed', 'metered'):
            for value in (None, True, '1', -1.0, -1, [1.0]):
                self.assert_rejected(
                    'malformed', sign(body(measurements=row(**{name: value})))
                )

    def test_volts_and_the_like_may_be_unknown_but_not_mad(self):
        for name in ('watts', 'volts', 'amperes'):
            for value in (False, '1', -1.0, -1, [1.0], {}):
                self.assert_rejected(
                    'malformed', sign(body(measurements=row(**{name: value})))
                )

    def test_lists_must_be_lists_of_the_right_things(self):
        for value in (
            None,
            {},
            'a',
            5,
            [5],
            [[]],
            [None],
            [[1] * 6],
            [[1] * 8],
            [{}],
            ['1234567'],
        ):
            self.assert_rejected('malformed', sign(body(measurements=value)))
            content = json.loads(body()) | {'registers': value}
            self.assert_rejected('malformed', sign(json.dumps(content)))

    def test_nothing_to_say_is_nothing_wrong(self):
        self.assertEqual(
            [], envelope.unseal(KEYRING, sign(body(measurements=[])))
        )

    def test_whole_numbers_may_be_written_as_integers(self):
        (word,) = envelope.unseal(
            KEYRING,
            sign(
                body(
                    measurements=row(
                        time=1700000000, elapsed=10, metered=10, watts=1
                    )
                )
            ),
        )

        self.assertEqual((1.7e9, 10.0, 1000, 10.0, 1.0), word[2:7])
        self.assertIs(float, type(word.elapsed))

    anything = strategies.recursive(
        strategies.none()
        | strategies.booleans()
        | strategies.integers()
        | strategies.floats()
        | strategies.text(),
        lambda inner: (
            strategies.lists(inner, max_size=8)
            | strategies.dictionaries(strategies.text(), inner, max_size=4)
        ),
        max_leaves=10,
    )

    @hypothesis.given(strategies.data(), anything)
    def test_whatever_stands_anywhere_is_read_or_rejected(self, data, value):
        # Given a good body with anything at all in any place of it,
        content = json.loads(body())
        holder, place = {'body': content}, 'body'
        while data.draw(strategies.booleans()):
            inner = holder[place]
            if not isinstance(inner, dict | list) or not inner:
                break
            holder, place = (
                inner,
                data.draw(
                    strategies.sampled_from(
                        sorted(inner)
                        if isinstance(inner, dict)
                        else range(len(inner))
                    )
                ),
            )
        holder[place] = value
        text = json.dumps(content)

        # when it is read, it is rejected,
        try:
            words = envelope.unseal(KEYRING, sign(text))
        except exception.RejectedMessage:
            return
        # or it makes sense, and can be sealed again.
        for word in words:
            self.assertTrue(all(map(math.isfinite, filter(None, word[2:]))))
            self.assertEqual(
                [word],
                envelope.unseal(KEYRING, envelope.seal(KEYRING, [word])),
            )

    @hypothesis.given(anything)
    def test_whatever_comes_instead_of_an_envelope_is_rejected(self, item):
        self.assert_rejected('malformed', item)

    @hypothesis.given(strategies.data(), anything)
    def test_whatever_stands_in_an_envelope_is_rejected(self, data, value):
        sealed = copy.deepcopy(sign(body()))
        name = data.draw(strategies.sampled_from(sorted(sealed)))
        hypothesis.assume(
            value != sealed[name] or type(value) is not type(sealed[name])
        )
        sealed[name] = value

        self.assertRaises(
            exception.RejectedMessage, envelope.unseal, KEYRING, sealed
        )
