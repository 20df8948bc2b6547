# SPDX-License-Identifier: Apache-2.0

"""Tests for ``probe watch``."""

import io
import re

import fixtures

from energy_meter.tests.unit.osc import base

#: A control sequence of a terminal.
CONTROL = re.compile('\x1b\\[[?0-9]*[a-zA-Z]')


class _Terminal(io.StringIO):
    def isatty(self):
        return True


class WatchTest(base.CommandTestCase):
    def setUp(self):
        super().setUp()
        self.useFixture(fixtures.EnvironmentVariable('COLUMNS', '80'))
        self.useFixture(fixtures.EnvironmentVariable('LINES', '8'))
        self.stdout = _Terminal()
        self.api.show(a={'w': 10.0})
        self.between = []
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.osc.v1.watch.time.sleep', self.sleep
            )
        )
        self.slept = []

    def sleep(self, seconds):
        """Run the next action between updates, and at last press Ctrl-C."""
        self.slept.append(seconds)
        if not self.between:
            raise KeyboardInterrupt
        self.between.pop(0)()

    def screens(self):
        """Return the texts of the successive screens."""
        _, *drawn = self.stdout.getvalue().split('\x1b[H')
        return [CONTROL.sub('', text) for text in drawn]

    def test_screen_is_updated(self):
        self.between = [lambda: self.api.show(a={'w': 20.0})]

        self.assertEqual(0, self.run_command('probe', 'watch'))

        first, second = self.screens()
        self.assertIn(' 10.0 ', first)
        self.assertIn(' 20.0 ', second)
        self.assertEqual([2.0, 2.0], self.slept)

    def test_terminal_is_restored(self):
        self.run_command('probe', 'watch')

        drawn = self.stdout.getvalue()
        for mode in '1049', '25', '7':
            self.assertEqual(1, drawn.count(f'\x1b[?{mode}h'))
            self.assertEqual(1, drawn.count(f'\x1b[?{mode}l'))
        self.assertTrue(drawn.endswith('\x1b[?1049l'))

    def test_terminal_is_restored_after_failure(self):
        def fail():
            raise RuntimeError

        self.between = [fail]

        self.assertEqual(1, self.run_command('probe', 'watch'))

        self.assertTrue(self.stdout.getvalue().endswith('\x1b[?1049l'))

    def test_long_list_is_cut_to_screen_height(self):
        self.api.show(**{f'probe-{number}': {} for number in range(9)})

        self.run_command('probe', 'watch')

        lines = self.screens()[0].splitlines()
        self.assertEqual(8, len(lines))
        self.assertIn('probe-1', lines[6])
        self.assertEqual('... 8 more lines', lines[7])

    def test_watch_continues_after_outage(self):
        self.between = [self.api.stop, self.api.start]

        self.assertEqual(0, self.run_command('probe', 'watch'))

        _, outage, recovered = self.screens()
        self.assertIn('Unable to establish connection', outage)
        self.assertIn(' 10.0 ', recovered)

    def test_forbidden_request_ends_watch(self):
        def forbid():
            self.api.answers['/v1/probes/'] = 403, b'{}'

        self.between = [forbid]

        self.assertEqual(1, self.run_command('probe', 'watch'))

    def test_filters_and_columns_apply(self):
        self.api.show(a={'host': 'n1'}, b={'host': 'n2'})

        self.run_command(
            'probe',
            'watch',
            '--host',
            'n2',
            '-c',
            'ID',
            '--interval',
            '0.5',
            '-f',
            'value',
        )

        self.assertEqual(['b'], self.screens()[0].splitlines()[2:])
        self.assertEqual([0.5], self.slept)

    def test_output_to_pipe_is_one_table(self):
        self.stdout = io.StringIO()

        self.assertEqual(0, self.run_command('probe', 'watch'))

        self.assertEqual(1, self.stdout.getvalue().count('Power (W)'))
        self.assertNotIn('\x1b', self.stdout.getvalue())
        self.assertEqual([], self.slept)

    def test_invalid_interval_is_rejected(self):
        for text in '0', '-1', 'nan', 'soon':
            self.assertRaises(
                SystemExit,
                self.run_command,
                'probe',
                'watch',
                f'--interval={text}',
            )
