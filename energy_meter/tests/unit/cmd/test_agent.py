# SPDX-License-Identifier: Apache-2.0

"""Tests for the arguments of energy-meter-agent, and for --check."""

import json
import re
import sys

import fixtures

from energy_meter import cpu_usage
from energy_meter import measurement
from energy_meter.cmd import agent
from energy_meter.drivers import dummy
from energy_meter.tests import usages
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


class OnceTest(base.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        # It ends the process.
        self.useFixture(fixtures.MockPatch('os._exit', sys.exit))

    def once(self, *arguments: str) -> base.Result:
        return self.run_command(agent.main, '--once', *arguments)

    def test_configuration_without_wattmeters_is_reported(self):
        result = self.once()

        self.assertEqual(
            (
                1,
                '',
                'no wattmeter can be read: there is no valid '
                f'[wattmeter:<name>] section in {self.directory}/test.conf\n',
            ),
            result,
        )

    def test_instances_are_counted_and_cpu_time_is_no_energy(self):
        # Given a wattmeter that reads the CPU time of two instances,
        reading = measurement.Reading(
            'cpu',
            ticks=3_600_000_000,
            counter=measurement.Counter(0.001),
            usage=cpu_usage.Snapshot(usages.layout(1, 2), ()),
        )
        self.useFixture(
            fixtures.MockPatchObject(dummy.Dummy, 'read', lambda _: [reading])
        )
        self.write('[wattmeter:vms]\ndriver = dummy\nprobes = cpu\n')

        table = self.once().output
        (found,) = json.loads(self.once('--format', 'json').output)

        # then they are shown instead of an energy counter.
        self.assertIn('instances', table)
        self.assertRegex(table, r'\| +- \| +2 \|')
        self.assertEqual(
            (None, [usages.uuid(1), usages.uuid(2)]),
            (found['counter_kwh'], found['instances']),
        )

    def test_output_without_wattmeters_is_valid_json(self):
        self.assertEqual('[]\n', self.once('--format', 'json').output)


class CheckTest(base.CommandTest):
    SECRETS = '[bus]\nsecrets = 5f1d7a90c3be4826\n'

    def check(self, text: str) -> base.Result:
        self.write(text)
        return self.run_command(agent.main, '--check')

    def test_valid_configuration_passes(self):
        self.assertEqual(
            (
                0,
                'Valid: 1 wattmeter with 2 probes can be read, 0 errors, '
                '0 warnings\n',
                '',
            ),
            self.check(f'{self.SECRETS}{DESK}'),
        )

    def test_unresolved_patterns_are_counted(self):
        self.assertIn(
            '2 wattmeters with 2 probes and 1 pattern can be read, 0 errors',
            self.check(
                f'{DESK}[wattmeter:cpu]\ndriver = rapl\n'
                'probes = {host}-{name}\n'
            ).output,
        )

    def test_no_wattmeters_is_an_error(self):
        result = self.check(self.SECRETS)

        self.assertEqual(
            (
                1,
                'Not valid: 0 wattmeters with 0 probes can be read, 1 error, '
                '0 warnings\n',
            ),
            result[:2],
        )
        self.assertIn('no wattmeter can be read', result.error)

    def test_file_of_wattmeters_alone_passes_with_a_warning(self):
        result = self.check(DESK)

        self.assertEqual(0, result.code)
        self.assertIn('0 errors, 1 warning\n', result.output)
        self.assertIn('warning: [bus] secrets is empty', result.error)

    def test_option_without_effect_is_an_error(self):
        result = self.check(f'{self.SECRETS}{DESK}[agent]\nmax-gap = 1\n')

        self.assertEqual(1, result.code)
        self.assertEqual(
            f'{self.directory}/test.conf:7: [agent] max-gap: unknown option, '
            'has no effect; did you mean max_gap?\n',
            result.error,
        )

    def test_each_error_is_one_line_and_other_wattmeters_are_counted(self):
        result = self.check(
            f'{self.SECRETS}{DESK}'
            '[wattmeter:a]\ndriver = dumy\nprobes = a\n'
            '[wattmeter:b]\ndriver = dummy\nprobes = b\nmin_wats = 1\n'
            '[wattmeter:c]\ndriver = dummy\nprobes = c\ninterval = often\n'
            '[wattmeter:d]\ndriver = dummy\nprobes = desk-1\n'
            '[wattmeter:e]\n'
        )

        self.assertEqual(1, result.code)
        self.assertEqual(
            'Not valid: 1 wattmeter with 2 probes can be read, 5 errors, '
            '0 warnings\n',
            result.output,
        )
        self.assertEqual(
            [
                '7: [wattmeter:a] driver',
                '12: [wattmeter:b] min_wats',
                '16: [wattmeter:c] interval',
                '19: [wattmeter:d] probes',
                '20: [wattmeter:e] driver',
            ],
            sorted(
                re.findall(
                    rf'^{self.directory}/test\.conf:(\d+: \S+ \w+): ',
                    result.error,
                    re.MULTILINE,
                ),
                key=lambda text: text.partition('wattmeter:')[2],
            ),
        )

    def test_unused_template_is_a_warning(self):
        result = self.check(
            f'{self.SECRETS}{DESK}[template:bmc]\ndriver = ipmi\n'
        )

        self.assertEqual(0, result.code)
        self.assertIn('0 errors, 1 warning\n', result.output)
        self.assertIn(
            '[template:bmc] (name): no wattmeter uses this template',
            result.error,
        )

    def test_mistake_in_a_template_is_one_line(self):
        nodes = '[wattmeter:n{01..40}]\ntemplate = t\nprobes = p{01..40}\n'

        result = self.check(
            f'{self.SECRETS}[template:t]\ndriver = dummy\ninterval = often\n'
            f'{nodes}{DESK}'
        )

        self.assertEqual(1, result.code)
        self.assertIn('1 error, 0 warnings\n', result.output)
        self.assertEqual(1, result.error.count('\n'), result.error)
