# SPDX-License-Identifier: Apache-2.0

"""One section stands for many wattmeters or probes."""

from energy_meter.agent import reloading
from energy_meter.collector import probe_sections
from energy_meter.tests.unit.agent import sections as files

RACK = """
[wattmeter:bmc-{08..11}]
driver = redfish
url = https://10.0.1.{108..111}
probes = node-{08..11}
"""
OTHER = '[wattmeter:other]\ndriver = dummy\nprobes = q\n'


class WattmeterTest(files.SectionsTestCase):
    def test_range_in_the_name_makes_a_wattmeter_for_each_element(self):
        loaded = self.wattmeters(RACK)

        self.assertEqual(
            [
                ('bmc-08', 'https://10.0.1.108', ('node-08',)),
                ('bmc-09', 'https://10.0.1.109', ('node-09',)),
                ('bmc-10', 'https://10.0.1.110', ('node-10',)),
                ('bmc-11', 'https://10.0.1.111', ('node-11',)),
            ],
            [
                (name, each.options['url'], each.probe_ids)
                for name, each in loaded.items()
            ],
        )

    def test_list_in_the_name_makes_a_wattmeter_for_each_element(self):
        loaded = self.wattmeters(
            '[wattmeter:pdu-{a,b}]\ndriver = snmp\nprofile = eaton-g3\n'
            'host = pdu-{left,right}\nprobes = {host}-{channel}\n'
        )

        self.assertEqual(
            {
                'pdu-a': ('pdu-left', '{host}-{channel}'),
                'pdu-b': ('pdu-right', '{host}-{channel}'),
            },
            {
                name: (each.options['host'], each.pattern.text)
                for name, each in loaded.items()
            },
        )

    def test_each_id_of_a_list_goes_in_step(self):
        loaded = self.wattmeters(
            '[wattmeter:chassis-{1..2}]\ndriver = dummy\n'
            'probes = c{1..2}-psu1, , c{1..2}-psu2\n'
        )

        self.assertEqual(
            [('c1-psu1', None, 'c1-psu2'), ('c2-psu1', None, 'c2-psu2')],
            [each.probe_ids for each in loaded.values()],
        )

    def test_range_in_probes_lists_ids(self):
        loaded = self.wattmeters(
            '[wattmeter:pdu]\ndriver = dummy\n'
            'probes = node-{01..03}, , fan-{a,b}\n'
        )

        self.assertEqual(
            ('node-01', 'node-02', 'node-03', None, 'fan-a', 'fan-b'),
            loaded['pdu'].probe_ids,
        )

    def test_template_may_contain_ranges_for_its_sections(self):
        loaded = self.wattmeters(
            '[template:t]\ndriver = redfish\nurl = https://10.0.1.{1..2}\n'
            '[wattmeter:m{1..2}]\ntemplate = t\nprobes = p{1..2}\n'
        )

        self.assertEqual(
            ['https://10.0.1.1', 'https://10.0.1.2'],
            [each.options['url'] for each in loaded.values()],
        )

    def test_secret_is_not_expanded(self):
        loaded = self.wattmeters(RACK + 'password = x{1..4}{a,b}\n')

        self.assertEqual(
            {'x{1..4}{a,b}'},
            {each.options['password'] for each in loaded.values()},
        )

    def test_section_of_a_probe_overrides_one_element(self):
        loaded = self.wattmeters(RACK + '[probe:node-09]\nmax_watts = 90\n')

        self.assertEqual(
            [20_000.0, 90.0, 20_000.0, 20_000.0],
            [each.probes[0].max_watts for each in loaded.values()],
        )


class ProbeTest(files.SectionsTestCase):
    def test_range_in_the_name_overrides_options_of_many_probes(self):
        loaded = self.wattmeters(
            RACK + '[probe:node-{08..10}]\nmax_watts = 90\n'
        )

        self.assertEqual(
            [90.0, 90.0, 90.0, 20_000.0],
            [each.probes[0].max_watts for each in loaded.values()],
        )

    def test_range_in_the_name_declares_many_sums(self):
        conf = self.configure(
            '[probe:node-{01..02}]\nsum = left-{1..2}, right-{1..2}\n'
        )

        self.assertEqual(
            [
                ('node-01', {'left-1', 'right-1'}),
                ('node-02', {'left-2', 'right-2'}),
            ],
            [(each.id, each.parts) for each in probe_sections.load(conf).sums],
        )

    def test_range_in_a_sum_lists_its_parts(self):
        conf = self.configure('[probe:rack]\nsum = node-{1..3}, switch\n')

        (total,) = probe_sections.load(conf).sums

        self.assertEqual({'node-1', 'node-2', 'node-3', 'switch'}, total.parts)

    def test_other_braces_are_part_of_the_id(self):
        loaded, errors = self.load('[probe:outlet {7}]\nproject_id = p\n')

        self.assertEqual(([], []), (loaded, errors))


class ErrorTest(files.SectionsTestCase):
    def test_other_size_is_an_error_that_names_both(self):
        self.assertEqual(
            [
                'agent.conf: [wattmeter:bmc-{08..11}] url: {108..110} has 3 '
                'elements, but {08..11} in the name of the section has 4'
            ],
            self.errors(RACK.replace('{108..111}', '{108..110}')),
        )

    def test_error_of_all_elements_is_reported_once(self):
        (error,) = self.errors(RACK + 'interval = often\n')

        self.assertIn('[wattmeter:bmc-{08..11}] interval: ', error)

    def test_error_of_one_element_names_its_wattmeter(self):
        wattmeters, (error,) = self.load(
            '[wattmeter:m]\ndriver = dummy\nprobes = node-09\n' + RACK
        )

        self.assertEqual(
            ['m', 'bmc-08', 'bmc-10', 'bmc-11'],
            [each.name for each in wattmeters],
        )
        self.assertIn(
            "[wattmeter:bmc-09] probes: 'node-09' is also a probe of "
            '[wattmeter:m]',
            str(error),
        )

    def test_common_error_of_some_elements_names_them(self):
        self.assertEqual(
            [
                'agent.conf: [probe:node-{07..12}] (name): no wattmeter has '
                'this probe (node-07, node-12)'
            ],
            self.errors(RACK + '[probe:node-{07..12}]\nmax_watts = 90\n'),
        )

    def test_range_needs_one_in_the_name(self):
        (error,) = self.errors(RACK.replace('bmc-{08..11}', 'bmc'))

        self.assertEqual(
            "agent.conf: [wattmeter:bmc] url: 'https://10.0.1.{108..111}' "
            'contains a range, but the name of the section does not; name it '
            '[wattmeter:bmc-{1..9}], for example',
            error,
        )

    def test_list_in_a_value_needs_no_list_in_the_name(self):
        loaded = self.wattmeters(
            '[wattmeter:m]\ndriver = command\nprobes = p\n'
            "command = awk '{print $$1,$$2}' {a,b}\n"
        )

        self.assertEqual(
            "awk '{print $1,$2}' {a,b}", loaded['m'].options['command']
        )

    def test_braces_without_a_range_are_an_error(self):
        (error,) = self.errors(RACK.replace('bmc-{08..11}', 'bmc-{08.11}'))

        self.assertEqual(
            'agent.conf: [wattmeter:bmc-{08.11}] (name): expected a range in '
            'the braces, such as {01..40} or {a,b}',
            error,
        )

    def test_two_ranges_in_a_name_are_an_error(self):
        (error,) = self.errors(RACK.replace('bmc-', 'bmc-{1..4}-'))

        self.assertIn('] (name): ', error)
        self.assertIn('has more than one range; write out all but one', error)

    def test_element_of_two_sections_is_an_error_that_names_both(self):
        wattmeters, errors = self.load(
            RACK
            + RACK.replace('{08..11}', '{10..13}').replace('node-', 'other-')
        )

        self.assertEqual(
            [
                f'{self.path}/agent.conf: [wattmeter:bmc-{{10..13}}] (name): '
                'also in [wattmeter:bmc-{08..11}] of '
                f'{self.path}/agent.conf (bmc-10, bmc-11)'
            ],
            [str(error) for error in errors],
        )
        self.assertEqual(
            [
                *(f'node-{number:02}' for number in range(8, 12)),
                'other-12',
                'other-13',
            ],
            [each.probe_ids[0] for each in wattmeters],
        )


class ReloadTest(files.SectionsTestCase):
    def reload(self, after: str) -> tuple[list[str], list[str]]:
        """Return the wattmeters read as before, and those that changed."""
        current = self.wattmeters(RACK + OTHER)
        wanted = reloading.keep_previous(*self.load(after + OTHER), current)
        return (
            sorted(each.name for each in wanted if each in current.values()),
            sorted(
                each.name for each in wanted if each not in current.values()
            ),
        )

    def test_longer_range_changes_no_other_wattmeter(self):
        self.assertEqual(
            (['bmc-08', 'bmc-09', 'bmc-10', 'bmc-11', 'other'], ['bmc-12']),
            self.reload(RACK.replace('11}', '12}')),
        )

    def test_written_out_range_changes_no_wattmeter(self):
        self.assertEqual(
            (['bmc-08', 'bmc-09', 'bmc-10', 'bmc-11', 'other'], []),
            self.reload(
                RACK.replace('{08..11}', '{08,09,10,11}').replace(
                    '{108..111}', '{108,109,110,111}'
                )
            ),
        )

    def test_mistake_keeps_all_wattmeters_of_the_range(self):
        for text in (
            RACK.replace('{108..111}', '{108..110}'),
            RACK.replace('bmc-{08..11}', 'bmc-{08.11}'),
            RACK.replace('bmc-{08..11}', 'bmc-{08..999999}'),
            RACK + 'interval = often\n',
        ):
            self.assertEqual(
                (['bmc-08', 'bmc-09', 'bmc-10', 'bmc-11', 'other'], []),
                self.reload(text),
            )
