# SPDX-License-Identifier: Apache-2.0

"""Tests of configuration sections."""

import pathlib

import fixtures
import hypothesis
from hypothesis import strategies as st
from oslo_config import cfg
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.agent import wattmeter as agent_wattmeter
from energy_meter.bus import fields
from energy_meter.conf import wattmeter
from energy_meter.discover import section
from energy_meter.discover import section_tester

#: Texts that a configuration file can contain, mostly with characters that
#: have a meaning in it.
TEXTS = st.text(
    st.sampled_from('ab ,"\'$\\#;=:[]{}%')
    | st.characters(exclude_categories=('Cc', 'Cs', 'Zl', 'Zp')),
    max_size=9,
).filter(lambda text: '\\$' not in text)

#: The same for elements of lists. For a few of these, no quotes help.
ELEMENTS = TEXTS.filter(
    lambda text: not any(quote in text for quote in ("',", "' ", '",'))
)

URL = 'https://192.0.2.1'

CONTROL_CHARACTERS = st.characters(categories=('Cc', 'Cs', 'Zl', 'Zp'))


class ProbeIdsTest(base.BaseTestCase):
    def test_single_probe_has_name_of_section(self):
        self.assertEqual(('bmc-7',), section.probe_ids('bmc-7', {'': None}))

    def test_several_probes_have_names_of_channels(self):
        self.assertEqual(
            ('pdu-Server-A', 'pdu-0.2'),
            section.probe_ids('pdu', {'0.1': 'Server A', '0.2': None}),
        )

    def test_ambiguous_names_are_replaced_by_indexes(self):
        self.assertEqual(
            ('pdu-1', 'pdu-2'),
            section.probe_ids('pdu', {'1': 'Outlet', '2': 'Outlet'}),
        )

    def test_name_equal_to_index_is_replaced(self):
        self.assertEqual(
            ('pdu-1', 'pdu-2'), section.probe_ids('pdu', {'1': '2', '2': None})
        )

    @hypothesis.given(
        st.dictionaries(
            st.integers(0, 99).map(str),
            st.none() | st.text(max_size=9),
            min_size=2,
        )
    )
    def test_ids_are_valid_and_unique(self, channels):
        ids = section.probe_ids('pdu', channels)

        self.assertEqual(len(channels), len(set(ids)))
        self.assertTrue(all(map(fields.is_id, ids)))


class SectionTest(base.BaseTestCase):
    def make(self, password='s3cret', **options):
        return section.Section(
            'bmc',
            'ipmi',
            ('node',),
            {'host': '192.0.2.1', **options},
            {'password': password},
        )

    @hypothesis.given(TEXTS.filter(lambda text: text != wattmeter.FILL_IN))
    def test_passwords_are_loaded_unchanged(self, password):
        self.assertEqual(
            password,
            section_tester.load(self.make(password)).options['password'],
        )

    def test_sensor_names_are_loaded_unchanged(self):
        names = [f'Sensor number {number} at $5' for number in range(20)]

        loaded = section_tester.load(self.make(sensor=names, source='sensor'))

        self.assertEqual(names, loaded.options['sensor'])

    def test_secrets_are_hidden(self):
        text = self.make().text(secrets=False)

        self.assertNotIn('s3cret', text + repr(self.make()))
        self.assertIn('password = <fill in>\n', text)

    def test_placeholder_is_rejected(self):
        error = self.assertRaises(
            exception.ConfigurationError,
            section_tester.load,
            self.make(wattmeter.FILL_IN),
        )

        self.assertIn(
            '[wattmeter:bmc] password: still <fill in>: replace '
            'it. Password of the user.',
            str(error),
        )

    def test_omitted_channel_has_empty_probe_id(self):
        pdu = section.Section.create(
            'pdu', 'dummy', {'1': None, '2': None}, {}
        )

        self.assertIn(
            'probes = , pdu-2\n', pdu.without(['pdu-1']).text(secrets=False)
        )
        self.assertEqual(
            (None, 'pdu-2'),
            section_tester.load(pdu.without(['pdu-1'])).probe_ids,
        )

    def test_option_with_none_is_unset(self):
        self.assertNotIn('port', self.make(port=None).text(secrets=False))

    def test_unknown_option_is_rejected(self):
        self.assertRaises(
            exception.ConfigurationError,
            section_tester.load,
            self.make(unknown='value'),
        )


def _or_unique(probe):
    """Return a probe ID, or a unique object for a channel without one."""
    return probe or object()


def _is_free(probe):
    """Return whether the other section of the file has no such probe."""
    return probe != 'last' and fields.is_id(probe)


class ReadBackTest(base.BaseTestCase):
    """Sections that the agent loads from a file with another section."""

    def load(self, text):
        path = self.useFixture(fixtures.TempDir()).path + '/energy_meter.conf'
        pathlib.Path(path).write_text(
            text + '\n[wattmeter:next]\ndriver = dummy\nprobes = last\n'
        )
        conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(conf)
        conf([], default_config_files=[path], default_config_dirs=[])
        wattmeters, errors = agent_wattmeter.load(conf, 'agent')
        self.assertEqual([], errors)
        return wattmeters

    @hypothesis.given(
        st.lists(
            st.none() | TEXTS.filter(_is_free), unique_by=_or_unique
        ).filter(any),
        st.lists(ELEMENTS),
        TEXTS,
        TEXTS,
    )
    def test_written_section_is_read_unchanged(
        self, probes, channels, username, password
    ):
        written = section.Section(
            'meter',
            'redfish',
            tuple(probes),
            {'url': URL, 'channels': channels, 'username': username},
            {'password': password},
        )
        try:
            text = written.text(secrets=True)
        except exception.ConfigurationError:
            # Neither the file nor any other section is changed.
            hypothesis.reject()

        loaded, following = self.load(text)

        self.assertEqual(written.probes, loaded.probe_ids)
        self.assertEqual(channels, loaded.options['channels'])
        self.assertEqual(username, loaded.options['username'])
        self.assertEqual(password, loaded.options['password'])
        self.assertEqual(('last',), following.probe_ids)

    def test_names_with_commas_are_read_unchanged(self):
        channels = ['Rack 1, left', 'it\'s, "5"', '"all"', ' x ', '']

        loaded, _ = self.load(
            section.Section(
                'ups',
                'redfish',
                ('a, b', None),
                {'url': URL, 'channels': channels},
            ).text(secrets=True)
        )

        self.assertEqual(('a, b', None), loaded.probe_ids)
        self.assertEqual(channels, loaded.options['channels'])

    def test_plain_names_are_not_quoted(self):
        text = section.Section(
            'ups', 'redfish', ('a', 'b'), {'channels': ['one', "two's"]}
        ).text(secrets=True)

        self.assertIn('probes = a, b\n', text)
        self.assertIn("channels = one, two's\n", text)

    def test_section_of_probe_with_comma_is_used(self):
        wattmeters = self.load(
            section.Section('ups', 'redfish', ('a, b',), {'url': URL}).text(
                secrets=True
            )
            + '[probe:a, b]\nscope = inlet\n'
        )

        self.assertEqual('inlet', wattmeters[0].probes[0].probe.scope)


class RefusalTest(base.BaseTestCase):
    def refused(self, **values):
        written = section.Section(
            **{'name': 'ups', 'driver': 'nut', 'probes': ('a',), **values}
        )
        return str(
            self.assertRaises(
                exception.ConfigurationError, written.text, secrets=True
            )
        )

    @hypothesis.given(
        st.sampled_from(['name', 'driver', 'probes', 'list', 'text', 'key']),
        TEXTS,
        CONTROL_CHARACTERS,
        TEXTS,
    )
    def test_control_characters_are_refused(self, place, before, one, after):
        evil = before + one + after

        reason = self.refused(
            **{
                'name': {'name': evil},
                'driver': {'driver': evil},
                'probes': {'probes': ('a', evil)},
                'list': {'options': {'channels': ['a', evil]}},
                'text': {'options': {'username': evil}},
                'key': {'options': {evil: 1}},
            }[place]
        )

        self.assertIn('contains control characters', reason)

    def test_reason_names_option_and_value(self):
        self.assertEqual(
            r"[wattmeter:ups] channels: 'x\n[wattmeter:evil]' contains "
            'control characters, which could change other parts of the '
            'configuration file; change the name on the device',
            self.refused(options={'channels': ['x\n[wattmeter:evil]']}),
        )

    def test_reason_does_not_contain_secret(self):
        reason = self.refused(secrets={'password': 's3cret\n'})

        self.assertIn('password: the value contains control', reason)
        self.assertNotIn('s3cret', reason)

    def test_backslash_before_dollar_sign_is_refused(self):
        self.assertIn(
            'contains a backslash before a dollar sign',
            self.refused(options={'username': r'a\$b'}),
        )

    def test_element_that_no_quotes_enclose_is_refused(self):
        self.assertIn(
            'contains commas next to both kinds of quotes',
            self.refused(options={'channels': ['a", b\', c']}),
        )

    def test_pattern_is_refused(self):
        self.assertIn(
            "'{host}-1' is a pattern, not an ID",
            self.refused(probes=('{host}-1',)),
        )
