# SPDX-License-Identifier: Apache-2.0

"""Tests for the arguments of energy-meter-agent, and for --check."""

import fixtures

from energy_meter.cmd import agent
from energy_meter.tests.unit.cmd import base

DESK = '[wattmeter:desk]\ndriver = dummy\nprobes = desk-1, desk-2\n'


class ArgumentsTest(base.CommandTest):
    def test_wattmeter_without_once_is_rejected(self):
        result = self.run_command(agent.main, 'desk')
        self.assertEqual(
            (1, '', 'energy-meter-agent: desk: wattmeters require --once'),
            result,
        )


class AnnounceTest(base.CommandTest):
    def announces(self, *arguments: str) -> bool:
        """Return whether the agent is to publish all marks again."""
        self.write(DESK)
        agents: list[tuple[object, ...]] = []
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.agent.service.Agent',
                lambda *values: agents.append(values),
            )
        )
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.cmd.service.run', lambda _, make: make()
            )
        )
        self.run_command(agent.main, *arguments)
        ((*_, announce_all),) = agents
        return bool(announce_all)

    def test_marks_are_announced_again_on_request_only(self):
        self.assertFalse(self.announces())
        self.assertTrue(self.announces('--announce'))


class CheckTest(base.CommandTest):
    def check(self, text: str) -> base.Result:
        self.write(text)
        return self.run_command(agent.main, '--check')

    def test_valid_configuration_passes(self):
        self.assertEqual(
            (0, '1 wattmeters with 2 probes can be read, 0 errors\n', ''),
            self.check(DESK),
        )

    def test_unresolved_patterns_are_counted(self):
        self.assertEqual(
            '2 wattmeters with 2 probes and 1 patterns can be read, '
            '0 errors\n',
            self.check(
                f'{DESK}[wattmeter:cpu]\ndriver = rapl\n'
                'probes = {host}-{name}\n'
            ).output,
        )

    def test_no_wattmeters_is_an_error(self):
        result = self.check('')
        self.assertEqual(
            (1, '0 wattmeters with 0 probes can be read, 0 errors\n'),
            result[:2],
        )

    def test_each_error_is_one_line_and_other_wattmeters_are_counted(self):
        result = self.check(
            f'{DESK}[wattmeter:a]\ndriver = dumy\nprobes = a\n'
            '[wattmeter:b]\ndriver = dummy\nprobes = b\nmin_wats = 1\n'
            '[wattmeter:c]\ndriver = dummy\nprobes = c\ninterval = often\n'
            '[wattmeter:d]\ndriver = dummy\nprobes = desk-1\n'
            '[wattmeter:e]\n'
        )
        self.assertEqual(1, result.code)
        self.assertEqual(
            '1 wattmeters with 2 probes can be read, 5 errors\n', result.output
        )
        lines = sorted(
            result.error.splitlines(),
            key=lambda line: line.partition('wattmeter:')[2],
        )
        for line, expected in zip(
            lines,
            (
                '[wattmeter:a] driver: ',
                '[wattmeter:b] min_wats: ',
                '[wattmeter:c] interval: ',
                '[wattmeter:d] probes: ',
                '[wattmeter:e] driver: ',
            ),
            strict=True,
        ):
            self.assertTrue(
                line.startswith(f'{self.directory}/test.conf: {expected}'),
                line,
            )

    def test_unused_template_is_a_warning(self):
        status, output, warnings = self.check(
            f'{DESK}[template:bmc]\ndriver = ipmi\n'
        )

        self.assertEqual(
            (0, '1 wattmeters with 2 probes can be read, 0 errors\n'),
            (status, output),
        )
        self.assertIn(
            '[template:bmc] (name): no wattmeter uses this template', warnings
        )

    def test_mistake_in_a_template_is_one_line(self):
        nodes = '[wattmeter:n{01..40}]\ntemplate = t\nprobes = p{01..40}\n'

        status, output, errors = self.check(
            f'[template:t]\ndriver = dummy\ninterval = often\n{nodes}{DESK}'
        )

        self.assertEqual(
            (1, '1 wattmeters with 2 probes can be read, 1 errors\n'),
            (status, output),
        )
        self.assertEqual(1, len(errors.splitlines()), errors)
