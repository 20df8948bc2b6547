# SPDX-License-Identifier: Apache-2.0

"""Wattmeters inherit the options that they share from a template."""

from energy_meter.agent import reloading
from energy_meter.conf import sections
from energy_meter.tests.unit.agent import sections as files

BMC = """
[template:bmc]
driver = redfish
username = meter
password = sesame
interval = 10
"""
NODES = """
[wattmeter:n1]
template = bmc
url = https://n1
probes = p1
[wattmeter:n2]
template = bmc
url = https://n2
probes = p2
"""
OTHER = '[wattmeter:other]\ndriver = dummy\nprobes = q\n'


class InheritanceTest(files.SectionsTestCase):
    def test_wattmeters_inherit_options(self):
        loaded = self.wattmeters(BMC + NODES)

        self.assertEqual(
            [
                ('https://n1', 'meter', 'sesame', 10.0, ('p1',)),
                ('https://n2', 'meter', 'sesame', 10.0, ('p2',)),
            ],
            [
                (
                    each.options['url'],
                    each.options['username'],
                    each.options['password'],
                    each.interval,
                    each.probe_ids,
                )
                for each in loaded.values()
            ],
        )

    def test_own_options_take_precedence(self):
        loaded = self.wattmeters(BMC + NODES + 'interval = 60\n')

        self.assertEqual([10.0, 60.0], [x.interval for x in loaded.values()])

    def test_template_may_be_in_another_file(self):
        self.configure(BMC, 'z-templates')

        self.assertEqual(['n1', 'n2'], list(self.wattmeters(NODES)))

    def test_template_may_contain_a_pattern(self):
        loaded = self.wattmeters(
            '[template:pdu]\ndriver = snmp\nprofile = eaton-g3\n'
            'probes = {wattmeter}-{channel}\n'
            '[wattmeter:pdu-1]\ntemplate = pdu\nhost = h\n'
        )

        self.assertEqual('{wattmeter}-{channel}', loaded['pdu-1'].pattern.text)

    def test_dollar_refers_to_an_option_of_the_wattmeter(self):
        loaded = self.wattmeters(
            BMC
            + 'url = https://${metered_host}-bmc.example\nprobes = p\n'
            + '[wattmeter:m]\ntemplate = bmc\nmetered_host = node-7\n'
        )

        self.assertEqual(
            'https://node-7-bmc.example', loaded['m'].options['url']
        )

    def test_name_of_the_template_is_no_option_of_the_driver(self):
        self.assertNotIn(
            'template', self.wattmeters(BMC + NODES)['n1'].options
        )

    def test_effective_options_are_part_of_the_configuration(self):
        conf = self.configure(BMC + NODES)
        files.wattmeter.load(conf, 'agent')

        self.assertEqual(10.0, conf['wattmeter:n1'].interval)


class ErrorTest(files.SectionsTestCase):
    def test_error_of_the_template_is_reported_once_as_its_own(self):
        for option, text in (
            ('interval = often', 'interval: expected a number, but found '),
            ('intervall = 1', 'intervall: unknown option; expected one of '),
            ('driver = redfisch', "driver: 'redfisch' is unknown; expected "),
        ):
            wattmeters, errors = self.load(f'{BMC}{option}\n{NODES}{OTHER}')

            (error,) = errors
            self.assertEqual(['other'], [each.name for each in wattmeters])
            self.assertIn(f'agent.conf: [template:bmc] {text}', str(error))

    def test_error_of_one_wattmeter_affects_no_other(self):
        wattmeters, (error,) = self.load(BMC + NODES + 'interval = often\n')

        self.assertEqual(['n1'], [each.name for each in wattmeters])
        self.assertIn('[wattmeter:n2] interval: ', str(error))

    def test_error_names_the_file_of_the_template(self):
        self.configure(BMC + 'interval = often\n', 'templates')

        (error,) = self.errors(NODES)

        self.assertIn('templates.conf: [template:bmc] interval: ', error)

    def test_missing_option_is_an_error_of_the_wattmeter(self):
        (error,) = self.errors(
            BMC + '[wattmeter:n1]\ntemplate = bmc\nprobes = p1\n'
        )

        self.assertIn('agent.conf: [wattmeter:n1] url: required: ', error)

    def test_unknown_template_is_an_error_that_lists_templates(self):
        section = '[wattmeter:m]\ntemplate = bcm\nprobes = p\n'

        self.assertEqual(
            [
                "agent.conf: [wattmeter:m] template: 'bcm' is unknown; "
                'expected one of bmc, pdu'
            ],
            self.errors(f'{BMC}[template:pdu]\n{section}'),
        )
        self.assertEqual(
            [
                "agent.conf: [wattmeter:m] template: 'bcm' is unknown; "
                'expected a [template:...] section'
            ],
            self.errors(section),
        )

    def test_template_of_a_template_is_an_error(self):
        self.assertEqual(
            [
                'agent.conf: [template:bmc] template: a template cannot have '
                'a template'
            ],
            self.errors(f'{BMC}template = all\n[template:all]\n{NODES}'),
        )

    def test_template_of_a_probe_is_an_error(self):
        (error,) = self.errors(OTHER + '[probe:q]\ntemplate = bmc\n' + BMC)

        self.assertIn('[probe:q] template: unknown option', error)

    def test_secret_of_a_template_is_not_part_of_its_error(self):
        (error,) = self.errors(BMC + 'password = $sesame\n' + NODES)

        self.assertIn('[template:bmc] password: a $ refers to', error)
        self.assertNotIn('sesame', error)

    def test_unused_template_is_warned_of(self):
        conf = self.configure(BMC + NODES + '[template:pdu]\ndriver = snmp\n')

        self.assertEqual(
            [
                f'{self.path}/agent.conf: [template:pdu] (name): no wattmeter '
                'uses this template'
            ],
            list(map(str, sections.unused_templates(conf))),
        )


class ReloadTest(files.SectionsTestCase):
    """What an agent reads after a template has changed."""

    def reload(self, before: str, after: str) -> tuple[list[str], list[str]]:
        """Return the wattmeters read as before, and those that changed."""
        current = self.wattmeters(before)
        wanted = reloading.keep_previous(*self.load(after), current)
        return (
            [each.name for each in wanted if each in current.values()],
            [each.name for each in wanted if each not in current.values()],
        )

    def test_changed_template_reloads_the_wattmeters_that_inherit_it(self):
        text = BMC + NODES + OTHER

        self.assertEqual(
            (['other'], ['n1', 'n2']),
            self.reload(text, text.replace('interval = 10', 'interval = 20')),
        )

    def test_wattmeter_that_overrides_the_changed_option_is_unchanged(self):
        text = BMC + NODES + 'interval = 5\n'

        self.assertEqual(
            (['n2'], ['n1']),
            self.reload(text, text.replace('interval = 10', 'interval = 20')),
        )

    def test_renamed_template_changes_nothing(self):
        text = BMC + NODES

        self.assertEqual(
            (['n1', 'n2'], []),
            self.reload(text, text.replace('bmc', 'servers')),
        )

    def test_options_that_move_to_a_template_change_nothing(self):
        before = '[wattmeter:m]\ndriver = dummy\nprobes = p\ninterval = 5\n'
        after = (
            '[template:t]\ndriver = dummy\ninterval = 5\n'
            '[wattmeter:m]\ntemplate = t\nprobes = p\n'
        )

        self.assertEqual((['m'], []), self.reload(before, after))

    def test_mistake_in_a_template_keeps_its_wattmeters(self):
        text = BMC + NODES + OTHER

        self.assertEqual(
            (['other', 'n1', 'n2'], []),
            self.reload(text, text.replace('interval = 10', 'interval = x')),
        )

    def test_mistake_in_the_name_of_a_template_keeps_its_wattmeters(self):
        text = BMC + NODES + OTHER

        self.assertEqual(
            (['other', 'n1', 'n2'], []),
            self.reload(text, text.replace('template = bmc', 'template = x')),
        )
