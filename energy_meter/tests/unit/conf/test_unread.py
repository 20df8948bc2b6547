# SPDX-License-Identifier: Apache-2.0

"""Tests for options and sections without effect."""

import pathlib

import fixtures
from oslotest import base

import energy_meter
from energy_meter import conf as energy_meter_conf
from energy_meter.conf import unread

ROOT = pathlib.Path(energy_meter.__file__).parents[1]


class UnreadTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def find(self, *texts: str) -> list[str]:
        """Return the errors of files, with their line numbers."""
        arguments = []
        for number, text in enumerate(texts):
            path = self.directory / f'{number}.conf'
            path.write_text(text)
            arguments += ['--config-file', str(path)]
        conf = energy_meter_conf.load(arguments, 'test')
        return [
            str(error).removeprefix(f'{self.directory}/')
            for error in unread.find(conf)
        ]


class OptionTest(UnreadTest):
    def test_misspelled_option_is_named_with_a_suggestion(self):
        self.assertEqual(
            [
                '0.conf:3: [api] prot: unknown option, has no effect; did '
                'you mean port?'
            ],
            self.find('[api]\n# the port\nprot = 1\n'),
        )

    def test_hyphen_instead_of_underscore_is_corrected(self):
        self.assertEqual(
            [
                '0.conf:2: [agent] max-gap: unknown option, has no effect; '
                'did you mean max_gap?'
            ],
            self.find('[agent]\nmax-gap = 1\n'),
        )

    def test_option_of_another_section_is_named_with_it(self):
        self.assertEqual(
            [
                '0.conf:2: [DEFAULT] probe_ttl: unknown option, has no '
                'effect; did you mean [api] probe_ttl?'
            ],
            self.find('[DEFAULT]\nprobe_ttl = 300\n'),
        )

    def test_option_similar_to_none_has_no_suggestion(self):
        self.assertEqual(
            ['0.conf:2: [bus] xyzzy: unknown option, has no effect'],
            self.find('[bus]\nxyzzy = 1\n'),
        )

    def test_continuation_of_a_value_is_not_an_option(self):
        self.assertEqual([], self.find('[bus]\nsecrets = a,\n  b = c\n'))

    def test_option_set_twice_is_named_where_it_has_no_effect(self):
        self.assertEqual(
            [
                '0.conf:2: [wattmeter:a] host: has no effect, because line '
                '4 sets it again'
            ],
            self.find('[wattmeter:a]\nhost = a\n[wattmeter:a]\nhost = b\n'),
        )

    def test_option_with_several_values_can_be_repeated(self):
        self.assertEqual(
            [],
            self.find(
                '[oslo_messaging_notifications]\ndriver = log\n'
                'driver = messagingv2\n'
            ),
        )

    def test_later_file_can_override_an_option(self):
        self.assertEqual(
            [], self.find('[api]\nport = 1\n', '[api]\nport = 2\n')
        )


class SectionTest(UnreadTest):
    def assert_similar(self, expected: str, section: str) -> None:
        self.assertEqual(
            [
                f'0.conf:1: [{section}] (name): unknown section, has no '
                f'effect; did you mean [{expected}]?'
            ],
            self.find(f'[{section}]\nhost = h\n'),
        )

    def test_misspelled_section_is_one_error_with_a_suggestion(self):
        self.assert_similar('wattmeter:desk', 'watmeter:desk')
        self.assert_similar('database', 'databases')
        self.assert_similar('DEFAULT', 'default')
        self.assert_similar('oslo_messaging_rabbit', 'oslo_messaging_rabit')

    def test_separator_or_case_of_a_prefix_is_corrected(self):
        self.assert_similar('wattmeter:desk', 'wattmeter desk')
        self.assert_similar('wattmeter:desk', 'Wattmeter:desk')
        self.assert_similar('agent:meter-7', 'agent.meter-7')

    def test_prefix_without_name_is_corrected(self):
        self.assert_similar('wattmeter:<name>', 'wattmeter')

    def test_section_of_another_program_is_named(self):
        self.assertEqual(
            ['0.conf:1: [nova] (name): unknown section, has no effect'],
            self.find('[nova]\nx = 1\n'),
        )


class AgentTest(UnreadTest):
    def agents(self, *sections: str) -> list[str]:
        """Return the sections that may be those of agents."""
        path = self.directory / 'agents.conf'
        path.write_text(''.join(f'[{section}]\n' for section in sections))
        conf = energy_meter_conf.load(['--config-file', str(path)], 'test')
        return [
            str(error.values['section'])
            for error in unread.unknown_agents(conf)
        ]

    def test_section_similar_to_that_of_an_agent_may_be_one(self):
        names = ['agnt:a', 'Agent:a', 'agents:a', 'agent a', 'xyz:a']
        self.assertEqual(names, self.agents(*names))

    def test_other_misspelled_section_is_not_one(self):
        self.assertEqual(
            [],
            self.agents('watmeter:a', 'prob:a', 'databases', 'agent', 'api'),
        )


class KnownTest(UnreadTest):
    def test_options_of_all_services_and_libraries_are_known(self):
        self.assertEqual(
            [],
            self.find("""
[DEFAULT]
transport_url = fake://
debug = true
[API]
port = 1
[database]
connection = sqlite://
[healthcheck]
detailed = true
[cors]
allowed_origin = https://example.org
[oslo_policy]
policy_file = policy.yaml
[oslo_messaging_rabbit]
ssl = true
[wattmeter:a]
driver = dummy
anything = checked by the agent
"""),
        )

    def test_options_of_the_configured_login_are_known(self):
        self.assertEqual(
            [],
            self.find("""
[keystone_authtoken]
www_authenticate_uri = http://k/
auth_type = v3applicationcredential
application_credential_id = a
[energy_api]
auth_section = shared_login
timeout = 5
[shared_login]
auth_type = password
username = u
user_domain_name = d
"""),
        )

    def test_option_of_another_login_is_not_known(self):
        (error,) = self.find(
            '[keystone_authtoken]\nauth_type = password\n'
            'application_credential_id = a\n'
        )
        self.assertIn('[keystone_authtoken] application_credential_id', error)

    def test_namespaces_are_those_of_the_sample_configuration(self):
        text = (
            ROOT / 'etc/energy_meter/energy-meter-config-generator.conf'
        ).read_text()
        self.assertEqual(
            {
                line.partition(' = ')[2]
                for line in text.splitlines()
                if line.startswith('namespace')
            },
            set(unread.NAMESPACES),
        )

    def test_libraries_are_loaded_only_if_a_file_needs_them(self):
        with fixtures.MockPatchObject(
            unread, 'NAMESPACES', ('energy_meter', 'oslo.missing')
        ):
            self.assertEqual([], self.find('[agent]\nmax_gap = 60\n'))
