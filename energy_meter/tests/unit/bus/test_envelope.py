# SPDX-License-Identifier: Apache-2.0

"""Tests of signing, verifying and decoding envelopes."""

import copy
import hashlib
import hmac
import json
import math
import operator
import pathlib
import re

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import fields
from energy_meter.tests import series
from energy_meter.tests.unit.bus import base as bus_base

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE / 'golden_envelope.json'
PAGE = HERE.parents[3] / 'doc/source/reference/message-format.rst'

AGENT = '9e107d9d-3721-4f2b-8a6e-0d6f5b1c2a34'
REGISTER = '0123456789abcdef'
NOW_MS = 1_700_000_000_000
LARGEST = measurement.INTEGER_LIMIT - 1
ROW = {
    'timestamp': NOW_MS,
    'elapsed': 10_000,
    'value': 1000,
    'metered': 10_000,
    'watts': 0.1,
    'volts': None,
    'amperes': None,
    'mark': 0,
}
KEYRING = signing.Keyring(['current-secret', 'previous-secret'])

# Few of all characters are printable, and too many would be drawn in vain.
printable = strategies.characters(
    exclude_categories=('C', 'Z'), include_characters=' '
)
ids = strategies.text(printable, min_size=1, max_size=190).filter(fields.is_id)
numbers = strategies.floats(0, allow_infinity=False)
integers = strategies.integers(0, measurement.INTEGER_LIMIT - 1)
register_ids = strategies.from_regex('[0-9a-f]{16}', fullmatch=True)
points = strategies.tuples(*[integers] * 4)
values = strategies.builds(
    operator.add,
    points,
    strategies.tuples(
        *[strategies.none() | numbers] * 3, strategies.just(False)
    )
    | strategies.just((None, None, None, True)),
)
predecessors = strategies.none() | strategies.builds(
    measurement.Predecessor, register_ids, integers
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
                register_ids,
            ),
            min_size=1,
            max_size=4,
            unique=True,
        )
    )
    measurements = []
    for key in keys:
        probe = measurement.Probe(
            draw(ids),
            draw(strategies.sampled_from(measurement.SCOPES)),
            draw(ids),
            wattmeter,
            driver,
            name,
        )
        measurements += [
            measurement.Measurement(
                measurement.Series(probe, key, after, synced), *drawn
            )
            for after, synced in draw(
                strategies.lists(
                    strategies.tuples(predecessors, strategies.booleans()),
                    min_size=1,
                    max_size=2,
                    unique=True,
                )
            )
            for drawn in draw(strategies.lists(values, min_size=1, max_size=4))
        ]
    return measurements


def sample():
    probe = measurement.Probe('p', 'node', 'p', 'w', 'dummy', 'agent')
    key = measurement.RegisterKey(AGENT, REGISTER)
    return [
        measurement.Measurement(
            measurement.Series(probe, key, None, True),
            NOW_MS,
            10_000,
            1000,
            10_000,
            0.1,
        )
    ]


def sign(body, **header):
    """Sign any body by the rules of the documentation."""
    secret = b'current-secret'
    key_id = hmac.new(secret, b'energy_meter key id', hashlib.sha256)
    signed = {
        'version': 2,
        'key_id': key_id.hexdigest()[:16],
        'agent': AGENT,
        'agent_name': 'agent',
        'body': body,
    } | header
    lines = [
        'energy_meter',
        *(
            str(signed[name])
            for name in ('version', 'key_id', 'agent', 'agent_name', 'body')
        ),
    ]
    signed['signature'] = hmac.new(
        secret, '\n'.join(lines).encode(), hashlib.sha256
    ).hexdigest()
    return signed


def body(**changes):
    """Return a valid body with some fields of its only register replaced."""
    register = {
        'probe': 'p',
        'scope': 'node',
        'host': 'p',
        'register': REGISTER,
        'quantity': 'energy',
        'after': None,
        'synced': True,
        'measurements': rows(),
    }
    return json.dumps(
        {
            'wattmeter': 'w',
            'driver': 'dummy',
            'registers': [register | changes],
        }
    )


def rows(**changes):
    """Return the only measurement of a register, with values replaced."""
    return [list((ROW | changes).values())]


def decode(received):
    """Return the measurements of an envelope that KEYRING verifies."""
    return bus_base.verify_and_decode(KEYRING, received)


class EnvelopeCase(base.BaseTestCase):
    def assert_rejected(self, reason, received):
        error = self.assertRaises(exception.RejectedMessage, decode, received)
        self.assertEqual(reason, error.reason, str(error))
        # The error is logged, so it must be a single short line.
        self.assertLess(len(str(error)), 250)
        self.assertTrue(str(error).isprintable())


class RoundTripTest(EnvelopeCase):
    @hypothesis.given(batches())
    def test_decoding_reverses_signing(self, measurements):
        signed = envelope.sign(KEYRING, measurements)

        # The bus transports it as JSON.
        self.assertEqual(measurements, decode(json.loads(json.dumps(signed))))

    def test_measurements_are_grouped_by_register_in_order(self):
        (first,) = sample()
        other = series.change(
            first, register=first.register._replace(id='f' * 16)
        )
        later = first._replace(elapsed=11_000)

        measurements = decode(envelope.sign(KEYRING, [first, other, later]))

        self.assertEqual([first, later, other], measurements)

    def test_register_whose_fields_change_is_kept_apart(self):
        # Given a register whose clock is synchronized later, and whose probe
        # is then moved to another host,
        (first,) = sample()
        first = series.change(first, synced=False)
        second = series.change(first, synced=True)._replace(elapsed=20_000)
        third = series.change(
            second, probe=second.probe._replace(host='other')
        )
        measurements = [first, second, third]

        # when one envelope carries all of it, then nothing is mixed.
        self.assertEqual(
            measurements, decode(envelope.sign(KEYRING, measurements))
        )

    def test_most_measurements_with_longest_names_are_accepted(self):
        # Given names of maximum length, of the largest characters,
        (short,) = sample()
        name = '\U0001f50c' * 190
        probe = short.probe._replace(
            id=name, host=name, wattmeter=name, agent=name, scope='cpu-package'
        )
        longest = series.change(
            short,
            probe=probe,
            after=measurement.Predecessor('0' * 16, LARGEST),
            timestamp=LARGEST,
            elapsed=LARGEST,
            metered=LARGEST,
            millijoules=LARGEST,
            watts=1e5 / 3,
            volts=1e3 / 3,
            amperes=1e3 / 3,
        )

        # when each measurement of the largest envelope has its own register,
        measurements = [
            series.change(
                longest, register=measurement.RegisterKey(AGENT, f'{i:016x}')
            )
            for i in range(envelope.MAX_MEASUREMENTS)
        ]

        # then readers accept it.
        self.assertEqual(
            measurements,
            decode(envelope.sign(KEYRING, measurements)),
        )

    def test_previous_secret_is_accepted(self):
        signed = envelope.sign(signing.Keyring(['previous-secret']), sample())

        self.assertEqual(sample(), decode(signed))

    def test_unknown_secret_is_rejected(self):
        signed = envelope.sign(signing.Keyring(['other-secret']), sample())

        self.assert_rejected('unknown_key', signed)


class GoldenTest(EnvelopeCase):
    """The example in the documentation, byte for byte."""

    OUTLET = measurement.Probe(
        'rack1-pdu-1', 'outlet', 'node-41', 'rack1-pdu', 'snmp', 'meter-1'
    )
    OFFICE = OUTLET._replace(id='Büro 3', host='Büro 3')
    # Of the outlet: the mark of a quarter-hour, and what was measured after
    # it.
    MARK = measurement.Measurement(
        measurement.Series(
            OUTLET,
            measurement.RegisterKey(AGENT, '4f9c1b7e02d83a65'),
            measurement.Predecessor('d5b0937c41ae86f2', 86_400_000),
            True,
        ),
        1_700_000_100_000,
        3_599_750,
        622_756_750,
        3_599_750,
        is_mark=True,
    )
    MEASUREMENTS = (
        MARK,
        MARK._replace(
            timestamp=1_700_000_100_500,
            elapsed=3_600_250,
            millijoules=622_843_250,
            metered=3_600_250,
            watts=173.0,
            volts=230.1,
            amperes=0.79,
            is_mark=False,
        ),
        measurement.Measurement(
            measurement.Series(
                OFFICE,
                measurement.RegisterKey(AGENT, 'a01d22c96e5b7f48'),
                None,
                False,
            ),
            1_700_000_100_500,
            3_600_250,
            90_006_250,
            3_540_000,
        ),
    )

    def setUp(self):
        super().setUp()
        self.golden = json.loads(GOLDEN.read_text('utf-8'))

    def test_signing_produces_the_example(self):
        self.assertEqual(
            self.golden, envelope.sign(KEYRING, self.MEASUREMENTS)
        )

    def test_example_is_decoded(self):
        self.assertEqual(list(self.MEASUREMENTS), decode(self.golden))

    def test_rules_of_the_page_produce_the_example(self):
        signed = sign(self.golden['body'], agent_name='meter-1')

        self.assertEqual(self.golden, signed)

    def test_page_includes_the_example(self):
        (included,) = re.findall(
            r'^\.\. literalinclude:: (.+)$',
            PAGE.read_text('utf-8'),
            re.MULTILINE,
        )

        self.assertEqual(GOLDEN, (PAGE.parent / included).resolve())

    def test_page_describes_every_field(self):
        page = PAGE.read_text('utf-8')
        content = json.loads(self.golden['body'])

        for name in (
            *self.golden,
            *content,
            *content['registers'][0],
            *ROW,
            *measurement.SCOPES,
        ):
            self.assertIn(f'``{name}``', page)

    def test_page_names_secret_and_key_id_of_the_example(self):
        page = PAGE.read_text('utf-8')

        self.assertIn('``current-secret``', page)
        self.assertIn(f'``{self.golden["key_id"]}``', page)


class ForgeryTest(EnvelopeCase):
    def setUp(self):
        super().setUp()
        self.signed = envelope.sign(KEYRING, sample())

    def test_changed_field_invalidates_signature(self):
        for name, value in (
            ('agent', AGENT.replace('9', '8')),
            ('agent_name', 'another'),
            ('body', self.signed['body'].replace('1000', '2000')),
            ('body', self.signed['body'] + ' '),
            ('key_id', signing.key_id('previous-secret')),
            ('signature', '0' * 64),
        ):
            self.assert_rejected('bad_signature', self.signed | {name: value})

    def test_line_feed_in_a_name_is_rejected(self):
        # The signature covers fields separated by line feeds. If a name could
        # contain one, text could be moved from the body to the name.
        name, text = 'agent', self.signed['body']

        self.assert_rejected(
            'malformed',
            self.signed
            | {'agent_name': f'{name}\n{text[:5]}', 'body': text[5:]},
        )

    def test_other_versions_are_rejected(self):
        for version in (0, 1, 3, True, 2.0, '2', None, [2], 10**5000):
            self.assert_rejected(
                'unknown_version', self.signed | {'version': version}
            )

    def rejection(self, **fields: object) -> str:
        """Return why an envelope with other fields is rejected."""
        return str(
            self.assertRaises(
                exception.RejectedMessage, decode, self.signed | fields
            )
        )

    def test_rejection_names_version_agent_and_what_to_upgrade(self):
        for version, named, advice in (
            (1, '1', 'the agent'),
            (3, '3', 'readers before agents'),
            ('2', 'unknown', 'readers before agents'),
        ):
            self.assertEqual(
                f'unknown_version: version {named} of agent agent (not '
                f'verified), expected 2; upgrade {advice}',
                self.rejection(version=version),
            )

    def test_rejection_of_a_version_contains_no_other_text(self):
        for name in (None, 5, 'a\nb', 'a' * 191):
            self.assertIn(
                'of agent unknown (',
                self.rejection(version=3, agent_name=name),
            )
        self.assertIn(
            f'of agent {"a" * 60} (',
            self.rejection(version=3, agent_name='a' * 190),
        )

    def test_fields_of_a_newer_version_do_not_hide_the_version(self):
        # Given an envelope as a later release may sign it,
        newer = self.signed | {'version': 3, 'more': 1}
        del newer['agent_name']

        # when it is read, then its reader is named as too old.
        self.assert_rejected('unknown_version', newer)

    def test_missing_or_additional_field_is_rejected(self):
        self.assert_rejected('malformed', self.signed | {'more': 1})
        for name in self.signed:
            fewer = dict(self.signed)
            del fewer[name]
            self.assert_rejected('malformed', fewer)

    def test_other_values_are_rejected(self):
        for received in (
            None,
            True,
            5,
            1.5,
            'text',
            [],
            [self.signed],
            {},
            list(self.signed.items()),
        ):
            self.assert_rejected('malformed', received)

    def test_fields_of_wrong_types_are_rejected(self):
        for name in self.signed.keys() - {'version'}:
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
                self.assert_rejected('malformed', self.signed | {name: value})

    def test_too_large_body_is_rejected_before_verification(self):
        for text in (
            'x' * (envelope.MAX_BODY_BYTES + 1),
            'é' * (envelope.MAX_BODY_BYTES // 2 + 1),
        ):
            self.assert_rejected('too_large', self.signed | {'body': text})

    @hypothesis.given(strategies.data())
    def test_any_changed_character_is_rejected(self, data):
        name = data.draw(
            strategies.sampled_from(
                ['key_id', 'agent', 'agent_name', 'body', 'signature']
            )
        )
        value = self.signed[name]
        position = data.draw(strategies.integers(0, len(value)))
        width = data.draw(strategies.integers(0, 1))
        changed = (
            value[:position]
            + data.draw(strategies.characters())
            + value[position + width :]
        )
        hypothesis.assume(changed != value)

        self.assertRaises(
            exception.RejectedMessage,
            decode,
            self.signed | {name: changed},
        )

    @hypothesis.given(strategies.integers(0, 200))
    def test_truncated_bodies_are_rejected(self, length):
        text = self.signed['body'][:length]
        hypothesis.assume(text != self.signed['body'])

        self.assert_rejected('bad_signature', self.signed | {'body': text})
        # A valid signature does not make them acceptable either.
        self.assert_rejected('malformed', sign(text))


class BodyTest(EnvelopeCase):
    """Tests of bodies with a valid signature."""

    def test_unchanged_body_is_accepted(self):
        self.assertEqual(sample(), decode(sign(body())))

    def test_body_that_is_not_a_json_object_is_rejected(self):
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

    def test_invalid_numbers_are_rejected(self):
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
            for number in (str(NOW_MS), '1000,', '0.1'):
                self.assert_rejected(
                    'malformed', sign(body().replace(number, text))
                )

    def test_duplicate_key_is_rejected(self):
        for name in ('"wattmeter"', '"probe"', '"measurements"'):
            text = body().replace(name, f'{name}: 1, {name}')
            self.assert_rejected('malformed', sign(text))

    def test_duplicate_key_with_deep_nesting_is_rejected(self):
        for depth in (10, 900, 1_000):
            for opening, closing in ('[]', ('{"a":', '}')):
                nested = opening * depth + '1' + closing * depth
                text = body().replace('"probe"', f'"probe":{nested},"probe"')
                self.assert_rejected('malformed', sign(text))

    def test_duplicate_key_with_an_escape_is_rejected(self):
        text = body().replace('"probe"', '"pro\\u0062e": 1, "probe"')
        self.assert_rejected('malformed', sign(text))

    def test_names_may_have_colons(self):
        # Given names with the character that follows the keys,
        text = body(probe='rack:1:node', host='rack:1')
        # when the body is decoded, then they are unchanged.
        (decoded,) = decode(sign(text))
        self.assertEqual('rack:1:node', decoded.probe.id)
        self.assertEqual('rack:1', decoded.probe.host)

    def test_missing_or_additional_body_field_is_rejected(self):
        self.assert_rejected('malformed', sign(body(more=1)))
        for name in ('wattmeter', 'registers', 'probe', 'measurements'):
            self.assert_rejected(
                'malformed', sign(body().replace(f'"{name}"', '"other"'))
            )

    def test_unprintable_name_is_rejected(self):
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

    def test_unknown_scope_is_rejected(self):
        for value in ('', 'Node', 'rack', None, 1, ['node'], {'node': 1}):
            self.assert_rejected('malformed', sign(body(scope=value)))

    def test_invalid_register_id_is_rejected(self):
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

    def test_invalid_integer_is_rejected(self):
        for name in ('timestamp', 'elapsed', 'value', 'metered'):
            for value in (1.0, 1.5, True, '1', None, -1, 2**53, [1]):
                self.assert_rejected(
                    'malformed', sign(body(measurements=rows(**{name: value})))
                )

    def test_invalid_mark_is_rejected(self):
        for value in (2, -1, True, False, 1.0, '1', None, [1]):
            mark = rows(mark=value, watts=None)
            self.assert_rejected('malformed', sign(body(measurements=mark)))

    def test_mark_with_electrical_value_is_rejected(self):
        for name in ('watts', 'volts', 'amperes'):
            values = {'watts': None, 'mark': 1, name: 0}
            self.assert_rejected(
                'malformed', sign(body(measurements=rows(**values)))
            )

    def test_invalid_predecessor_is_rejected(self):
        for value in (
            REGISTER,
            5,
            False,
            {},
            [],
            [REGISTER],
            [REGISTER, 1, 1],
            [REGISTER.upper(), 1],
            [None, 1],
            *([REGISTER, ms] for ms in (1.0, True, '1', None, -1, 2**53)),
        ):
            self.assert_rejected('malformed', sign(body(after=value)))

    def test_synced_that_is_not_a_boolean_is_rejected(self):
        for value in (0, 1, 'true', None, [True]):
            self.assert_rejected('malformed', sign(body(synced=value)))

    def test_unknown_quantity_is_rejected(self):
        for value in ('', 'Energy', 'water', None, 1, ['energy'], {}):
            self.assert_rejected('malformed', sign(body(quantity=value)))

    def test_invalid_electrical_value_is_rejected(self):
        for name in ('watts', 'volts', 'amperes'):
            for value in (False, '1', -1.0, -1, [1.0], {}):
                self.assert_rejected(
                    'malformed', sign(body(measurements=rows(**{name: value})))
                )

    def test_integer_of_many_digits_is_no_number(self):
        # Given integers that some parsers read as floats,
        for digits in (19, 20, 100):
            watts = rows(watts=int('9' * digits))

            # when they are received, then the limit of integers applies.
            self.assert_rejected('malformed', sign(body(measurements=watts)))

    def test_invalid_list_is_rejected(self):
        for value in (
            None,
            {},
            'a',
            5,
            [5],
            [[]],
            [None],
            [[1] * 7],
            [[1] * 9],
            [{}],
            ['12345678'],
        ):
            self.assert_rejected('malformed', sign(body(measurements=value)))
            content = json.loads(body()) | {'registers': value}
            self.assert_rejected('malformed', sign(json.dumps(content)))

    def test_register_without_measurements_is_accepted(self):
        self.assertEqual([], decode(sign(body(measurements=[]))))

    def test_integers_are_accepted_as_numbers(self):
        (decoded,) = decode(sign(body(measurements=rows(watts=1, volts=2))))

        self.assertEqual((1, 2, None), decoded[5:8])

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
    def test_any_value_in_a_body_is_decoded_or_rejected(self, data, value):
        # Given a valid body with any value in any place,
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

        # when it is decoded, it is rejected,
        try:
            measurements = decode(sign(text))
        except exception.RejectedMessage:
            return
        # or its measurements are valid and can be signed again.
        for decoded in measurements:
            self.assertTrue(all(map(math.isfinite, filter(None, decoded[1:]))))
            self.assertEqual(
                [decoded],
                decode(envelope.sign(KEYRING, [decoded])),
            )

    @hypothesis.given(anything)
    def test_any_value_instead_of_an_envelope_is_rejected(self, value):
        self.assert_rejected('malformed', value)

    @hypothesis.given(strategies.data(), anything)
    def test_any_changed_field_is_rejected(self, data, value):
        signed = copy.deepcopy(sign(body()))
        name = data.draw(strategies.sampled_from(sorted(signed)))
        hypothesis.assume(
            value != signed[name] or type(value) is not type(signed[name])
        )
        signed[name] = value

        self.assertRaises(exception.RejectedMessage, decode, signed)
