# SPDX-License-Identifier: Apache-2.0

import hypothesis
from hypothesis import strategies as st
from oslotest import base

from energy_meter import exception
from energy_meter.bus import envelope
from energy_meter.conf import wattmeter
from energy_meter.discover import section
from energy_meter.discover import trial

#: Of a password; a backslash before a $ can't be written to a file.
CHARACTERS = st.characters(
    min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='\\'
)


class ProbeIdsTest(base.BaseTestCase):
    def test_one_probe_has_the_section_s_name(self):
        self.assertEqual(('bmc-7',), section.probe_ids('bmc-7', {'': None}))

    def test_several_have_the_outlets_names(self):
        self.assertEqual(
            ('pdu-Server-A', 'pdu-0.2'),
            section.probe_ids('pdu', {'0.1': 'Server A', '0.2': None}),
        )

    def test_names_that_are_not_unique_are_not_used(self):
        self.assertEqual(
            ('pdu-1', 'pdu-2'),
            section.probe_ids('pdu', {'1': 'Outlet', '2': 'Outlet'}),
        )

    def test_a_name_may_be_another_s_index(self):
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
    def test_ids_are_good_and_unique(self, outlets):
        ids = section.probe_ids('pdu', outlets)

        self.assertEqual(len(outlets), len(set(ids)))
        self.assertTrue(all(map(envelope.is_id, ids)))


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
    def test_every_password_survives_the_file(self, password):
        self.assertEqual(
            password, trial.load(self.make(password)).options['password']
        )

    def test_names_of_sensors_survive_the_file(self):
        names = [f'Sensor number {number} costs $5' for number in range(20)]

        loaded = trial.load(self.make(sensor=names, source='sensor'))

        self.assertEqual(names, loaded.options['sensor'])

    def test_it_hides_secrets(self):
        text = self.make().text(secrets=False)

        self.assertNotIn('s3cret', text + repr(self.make()))
        self.assertIn('password = <fill in>\n', text)

    def test_the_agent_refuses_what_is_to_be_filled_in(self):
        error = self.assertRaises(
            exception.ConfigurationError,
            trial.load,
            self.make(wattmeter.FILL_IN),
        )

        self.assertIn(
            '[wattmeter:bmc] password: still <fill in>: replace '
            'it. Password of this user.',
            str(error),
        )

    def test_an_outlet_is_left_out_by_its_empty_place(self):
        made = section.Section.of('pdu', 'dummy', {'1': None, '2': None}, {})

        self.assertIn(
            'probes = , pdu-2\n', made.without(['pdu-1']).text(secrets=False)
        )
        self.assertEqual(
            (None, 'pdu-2'), trial.load(made.without(['pdu-1'])).outlets
        )

    def test_an_option_that_is_none_is_not_given(self):
        self.assertNotIn('port', self.make(port=None).text(secrets=False))

    def test_what_makes_no_sense_is_an_error(self):
        self.assertRaises(
            exception.ConfigurationError,
            trial.load,
            self.make(flavour='sweet'),
        )
