# SPDX-License-Identifier: Apache-2.0

"""Programs that print the readings."""

import json
import os
import pathlib
import shlex
import sys
import time

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers import command
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import process
from energy_meter.tests import drivers


class CommandTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def script(self, text, interpreter='/bin/sh'):
        """Return the path of a new script."""
        path = self.directory / f'script-{len(list(self.directory.iterdir()))}'
        path.write_text(f'#!{interpreter}\n{text}\n')
        path.chmod(0o755)
        return os.fspath(path)

    def open(self, script, *probes, **options):
        driver = drivers.make(
            command.Command,
            *probes or ('a',),
            **{'command': self.script(script)} | options,
        )
        self.addCleanup(driver.close)
        driver.open()
        return driver

    def read(self, *args, **options):
        return [
            (reading.probe, reading.watts, reading.ticks)
            for reading in self.open(*args, **options).read()
        ]

    def open_error(self, *args, **options):
        return str(
            self.assertRaises(
                exception.DriverError, self.open, *args, **options
            )
        )

    def read_error(self, *args, **options):
        driver = self.open(*args, **options)
        return str(self.assertRaises(exception.DriverError, driver.read))


class FormatTest(CommandTestCase):
    def test_number_is_power(self):
        for text, watts in (('95.5', 95.5), (' 1e2 ', 100.0), ('0', 0.0)):
            self.assertEqual([('a', watts, None)], self.read(f'echo "{text}"'))

    def test_line_is_the_power_of_a_probe(self):
        self.assertEqual(
            [('a', 1.0, None), ('c', 3.0, None)],
            self.read('printf "1\n2\n3"', 'a', None, 'c'),
        )

    def test_unavailable_number_is_not_zero(self):
        for text in ('""', 'nan', 'inf'):
            self.assertEqual([], self.read(f'echo {text}'))
        self.assertEqual(
            [('b', 2.0, None)], self.read(r'printf "\n2\n"', 'a', 'b')
        )
        self.assertEqual(
            [('a', 2.0, None)], self.read(r'printf "2\n\n"', 'a', 'b')
        )

    def test_invalid_line_costs_only_its_probe(self):
        for probes in (('a', 'b'), (None, 'b')):
            self.assertEqual(
                [('b', 2.0, None)], self.read('echo N/A; echo 2', *probes)
            )
        for line in ('100 W', '1_0'):
            self.assertIn(
                f'line 1: {line!r} is not a number',
                self.read_error(f'echo {line}'),
            )

    def test_other_number_of_lines_is_an_error(self):
        for script in ('echo 1', 'echo 1; echo 2; echo 3'):
            self.assertIn(
                'but probes has places for 2',
                self.read_error(script, 'a', 'b'),
            )

    def test_empty_lines_at_the_end_are_ignored(self):
        self.assertEqual([('a', 5.0, None)], self.read('echo 5; echo; echo'))

    def test_unit_of_the_power_is_that_of_the_option(self):
        for script, options in (
            ('echo 5000', {}),
            ("""echo '{"w": "5000"}'""", {'format': 'json'}),
            ('echo w 5000', {'format': 'prometheus'}),
        ):
            paths = {'watts_path': 'w'} if options else {}
            self.assertEqual(
                [('a', 5.0, None)],
                self.read(script, watts_unit='mW', **options, **paths),
            )

    def test_list_of_json_has_the_power_of_each_probe(self):
        self.assertEqual(
            [('a', 5.0, None), ('c', 7.0, None)],
            self.read(
                """echo '{"w": [5, 6, 7]}'""",
                *('a', None, 'c'),
                format='json',
                watts_path='w',
            ),
        )

    def test_newest_record_of_json_is_read(self):
        now = time.time()
        records = [
            {'w': 5, 't': now - 9},
            {'w': 6, 't': now - 3},
            {'w': 7, 't': now - 6},
        ]

        self.assertEqual(
            [('a', 6.0, None)],
            self.read(
                f"echo '{json.dumps(records)}'",
                format='json',
                records_path='$[*]',
                watts_path='w',
                time_path='t',
            ),
        )

    def test_value_marked_as_invalid_is_not_read(self):
        self.assertEqual(
            [],
            self.read(
                """echo '{"w": 5, "ok": false}'""",
                format='json',
                watts_path='w',
                valid_path='ok',
            ),
        )

    def test_json_has_power_and_energy_of_each_probe(self):
        readings = self.read(
            """echo '{"o": {"x": {"p": 5, "e": 1.5}, "y": {"p": null}}}'""",
            'a',
            'b',
            format='json',
            watts_path='o.{channel}.p',
            energy_path='o.{channel}.e',
            energy_unit='Wh',
            channels=['x', 'y'],
        )

        self.assertEqual([('a', 5.0, 1500)], readings)

    def test_json_without_a_probe_costs_only_that(self):
        self.assertEqual(
            [('b', 7.0, None)],
            self.read(
                """echo '[{}, {"w": 7}]'""",
                'a',
                'b',
                format='json',
                watts_path='[{channel}].w',
            ),
        )

    def test_time_of_json_is_that_of_the_reading(self):
        driver = self.open(
            f"""echo '{{"w": 5, "t": {time.time() - 10}}}'""",
            format='json',
            watts_path='w',
            time_path='t',
        )

        (reading,) = driver.read()
        self.assertAlmostEqual(time.monotonic() - 10, reading.monotonic, 0)
        self.assertEqual([], driver.read())

    def test_stale_output_is_an_error(self):
        milliseconds = 1000 * (time.time() - 500)
        for script, options in (
            ("""echo '{"w": 5, "t": 0}'""", {'time_path': 't'}),
            (f'echo "w 5 {milliseconds:.0f}"', {'format': 'prometheus'}),
        ):
            self.assertIn(
                'more than max_age = 120',
                self.read_error(
                    script, **{'format': 'json', 'watts_path': 'w'} | options
                ),
            )
        self.assertIn(
            'has no time of probe a at time_path',
            self.read_error(
                """echo '{"w": 5}'""",
                format='json',
                watts_path='w',
                time_path='t',
            ),
        )

    def test_prometheus_samples_are_selected_by_labels(self):
        self.assertEqual(
            [('a', 5.5, 7_000_000), ('b', 6.0, None)],
            self.read(
                """cat <<'EOF'
# TYPE power gauge
power{chip="x"} 5.5
power{chip="y"} 6
energy_joules_total{chip="x"} 7e3
EOF""",
                'a',
                'b',
                'c',
                format='prometheus',
                watts_path='power{chip="{channel}"}',
                energy_path='energy_joules_total{chip="{channel}"}',
                channels=['x', 'y', 'z'],
            ),
        )

    def test_output_of_another_format_is_an_error(self):
        for name, script, text in (
            ('json', 'echo "<html>"', 'JSON'),
            ('prometheus', 'printf "w 1"', "in Prometheus' text format"),
            ('number', r'printf "\377"', 'text with one line for each'),
        ):
            options = {} if name == 'number' else {'watts_path': 'w'}
            self.assertIn(
                f'the output is not {text}',
                self.read_error(script, format=name, **options),
            )

    def test_value_of_several_probes_is_an_error(self):
        self.assertIn(
            'watts_path = w selects the same sample for each channel',
            self.open_error('', 'a', 'b', format='prometheus', watts_path='w'),
        )
        self.assertIn(
            'watts_path = w is a single value, not that of channel 0',
            self.read_error(
                """echo '{"w": 5}'""",
                *('a', 'b'),
                format='json',
                watts_path='w',
            ),
        )

    def test_repeated_channel_is_an_error(self):
        self.assertIn(
            'channels: probes a and b have the same channel',
            self.open_error(
                *('', 'a', 'b'),
                format='json',
                watts_path='{channel}',
                channels=['x', 'x'],
            ),
        )

    def test_option_of_another_format_is_an_error(self):
        for options, text in (
            ({'watts_path': 'w'}, 'watts_path: expected format = json or'),
            ({'channels': ['a']}, 'channels: expected format = json or'),
            (
                {
                    'format': 'prometheus',
                    'watts_path': 'w',
                    'time_path': 't',
                },
                'time_path: expected format = json',
            ),
        ):
            self.assertIn(text, self.open_error('', **options))

    def test_invalid_paths_are_an_error(self):
        for options, text in (
            ({'format': 'json'}, 'expected watts_path or energy_path'),
            (
                {'format': 'json', 'watts_path': 'a['},
                'watts_path = a[ is not a JSONPath',
            ),
            (
                {'format': 'prometheus', 'energy_path': 'a{'},
                'energy_path = a{ does not select a sample',
            ),
        ):
            self.assertIn(text, self.open_error('echo 1', **options))


class ProcessTest(CommandTestCase):
    def test_arguments_are_not_interpreted_by_a_shell(self):
        path = self.script('test "$#" = 2 && test "$2" = \'$(id) ;|>*\'')

        driver = self.open(
            '', command=f'{path} one {shlex.quote("$(id) ;|>*")}'
        )

        self.assertEqual([], driver.read())

    def test_relative_program_is_an_error(self):
        for text in ('', 'ipmitool', './x', '../x'):
            self.assertIn(
                'command: expected the absolute path',
                self.open_error('', command=text),
            )
        self.assertIn(
            'No closing quotation', self.open_error('', command='/bin/echo "1')
        )

    def test_environment_of_the_agent_is_not_inherited(self):
        self.useFixture(fixtures.EnvironmentVariable('OS_PASSWORD', 's3cret'))

        output = process.run(
            [self.script('env; pwd; cat')], drivers.TIMEOUT_S
        ).decode()

        self.assertNotIn('OS_PASSWORD', output)
        self.assertIn('LANG=C.UTF-8\n', output)
        self.assertTrue(output.endswith('\n/\n'), output)

    def test_files_of_the_agent_are_not_inherited(self):
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        self.addCleanup(os.close, write)
        os.set_inheritable(write, True)

        output = process.run(
            ['/bin/ls', '/proc/self/fd'], drivers.TIMEOUT_S
        ).split()

        # The fourth is that of the directory.
        self.assertEqual([b'0', b'1', b'2', b'3'], output)

    def test_failed_program_is_an_error_with_its_last_line(self):
        path = self.script('echo 5; echo one >&2; echo "two\a" >&2; exit 3')

        driver = self.open('', command=f'{path} --password s3cret')
        error = str(self.assertRaises(exception.DriverError, driver.read))

        self.assertEqual(f'{path} exited with status 3: two', error)

    def test_killed_program_is_an_error(self):
        self.assertIn('was ended by signal 9', self.read_error('kill -9 $$'))

    def test_missing_program_is_an_error(self):
        for path, text in (
            ('/missing', 'No such file or directory'),
            ('/etc/passwd', 'Permission denied'),
        ):
            driver = self.open('', command=path)
            error = str(self.assertRaises(exception.DriverError, driver.read))
            self.assertEqual(f'{path} cannot run: {text}', error)

    def test_hanging_program_is_killed_with_its_children(self):
        # Given a program whose child ignores signals,
        fifo = self.directory / 'fifo'
        os.mkfifo(fifo)
        path = self.script(
            f'(trap "" TERM HUP INT; exec sleep 1000 >{fifo} 2>&1) &\nwait'
        )
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)

        # when it does not end in time,
        error = self.read_error('', command=path, timeout=0.5)

        # then both are dead: the other end of the pipe is closed.
        self.assertEqual(f'{path} did not end in time; it was killed', error)
        os.set_blocking(reader, True)
        self.assertEqual(b'', os.read(reader, 1))

    def test_background_process_is_killed_at_the_end(self):
        # Given a program that leaves a process with its output open,
        # then it is not waited for.
        self.assertEqual(
            [('a', 5.0, None)],
            self.read('sleep 1000 & echo 5', timeout=drivers.TIMEOUT_S),
        )

    def test_endless_output_is_an_error(self):
        self.assertIn(
            f'wrote more than {bounds.MAX_DOCUMENT_BYTES} bytes',
            self.read_error('exec cat /dev/zero', timeout=drivers.TIMEOUT_S),
        )

    def test_endless_error_output_is_truncated(self):
        error = self.read_error('exec cat /dev/zero >&2', timeout=0.5)

        self.assertIn('did not end in time', error)

    def test_closed_output_does_not_end_the_wait(self):
        self.assertIn(
            'exited with status 7',
            self.read_error(
                '',
                command=self.script(
                    'import os; os.close(1); os.close(2); os._exit(7)',
                    sys.executable,
                ),
            ),
        )

    def test_no_descriptors_are_left_open(self):
        driver = self.open('echo 5')
        driver.read()
        before = os.listdir('/proc/self/fd')

        for _ in range(5):
            driver.read()

        self.assertEqual(before, os.listdir('/proc/self/fd'))
