# SPDX-License-Identifier: Apache-2.0

"""Tests of configuration sections."""

import hypothesis
from hypothesis import strategies as st
from oslotest import base

from energy_meter import exception
from energy_meter.bus import fields
from energy_meter.conf import wattmeter
from energy_meter.discover import section
from energy_meter.discover import section_tester

#: Characters of passwords. A configuration file cannot contain a backslash
#: before a $.
CHARACTERS = st.characters(
    min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='\\'
)


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

    @hypothesis.given(st.text(CHARACTERS, min_size=1))
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
