# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Tests of what the service fixtures have in common."""

import pathlib
import signal
import socket
import sys
import unittest

import fixtures
from oslotest import base as oslotest
import testtools

from energy_meter.tests.functional.services import base

#: Ignores the signal that is its argument, says READY and sleeps.
SLEEPER = '''
import signal, sys, time
if sys.argv[1:]:
    signal.signal(int(sys.argv[1]), signal.SIG_IGN)
print('READY', flush=True)
time.sleep(600)
'''


def sleeper(*args: str, timeout: float = 60) -> base.Process:
    process = base.Process([sys.executable, '-c', SLEEPER, *args],
                           timeout=timeout,
                           ready=lambda: 'READY' in process.output())
    return process


def state(process: base.Process) -> str:
    """Return the letter that /proc gives: S sleeps, T is stopped."""
    stat = pathlib.Path(f'/proc/{process.pid}/stat').read_text()
    return stat.rpartition(') ')[2][0]


class MissingProgramTestCase(oslotest.BaseTestCase):

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(fixtures.MonkeyPatch(
            'energy_meter.tests.functional.services.base.SERVER_PATHS', ()))
        self.useFixture(fixtures.EnvironmentVariable('PATH', '/nowhere'))

    def test_the_skip_names_program_and_package(self) -> None:
        with testtools.ExpectedException(
                unittest.SkipTest, r'.*ipmi_sim .*openipmi\)'):
            base.require('ipmi_sim')

    def test_a_service_within_a_service_skips_too(self) -> None:
        class Outer(base.Process):
            def prepare(self) -> None:
                self.useFixture(base.Process(['epmd']))

        outer = Outer([sys.executable])
        with testtools.ExpectedException(unittest.SkipTest, '.*erlang-base'):
            outer.setUp()


class FreePortTestCase(oslotest.BaseTestCase):

    def test_a_port_in_use_is_not_free(self) -> None:
        port = base.free_port()
        self.useFixture(fixtures.MonkeyPatch(
            'energy_meter.tests.functional.services.base.PORTS',
            range(port, port + 100)))
        user = socket.create_server(('127.0.0.1', port))
        self.addCleanup(user.close)
        self.assertNotEqual(port, base.free_port())


class WaitForTestCase(oslotest.BaseTestCase):

    def test_the_true_answer_is_returned(self) -> None:
        answers = iter([None, 0, 'yes'])
        self.assertEqual('yes', base.wait_for(lambda: next(answers), 60, ''))

    def test_the_failure_says_what_did_not_come(self) -> None:
        with testtools.ExpectedException(
                AssertionError, r'the moon: not within 0 s .*\[\].*'):
            base.wait_for(list, 0, 'the moon')


class ProcessTestCase(oslotest.BaseTestCase):

    def test_it_runs_until_the_end_of_the_fixture(self) -> None:
        with sleeper() as process:
            self.assertIsNone(process.returncode)
        self.assertEqual(-signal.SIGTERM, process.returncode)

    def test_it_is_started_again(self) -> None:
        process = self.useFixture(sleeper())
        first = process.pid
        process.stop()
        process.start()
        self.assertIsNone(process.returncode)
        self.assertNotEqual(first, process.pid)

    def test_killed(self) -> None:
        process = self.useFixture(sleeper(str(int(signal.SIGTERM))))
        process.kill()
        self.assertEqual(-signal.SIGKILL, process.returncode)

    def test_paused_and_resumed(self) -> None:
        process = self.useFixture(sleeper())
        process.pause()
        base.wait_for(lambda: state(process) == 'T', 10, 'it hangs')
        process.resume()
        base.wait_for(lambda: state(process) != 'T', 10, 'it goes on')

    def test_a_paused_process_is_stopped(self) -> None:
        process = self.useFixture(sleeper())
        process.pause()
        process.stop()
        self.assertEqual(-signal.SIGTERM, process.returncode)

    def test_what_does_not_stop_is_killed_and_reported(self) -> None:
        process = sleeper(str(int(signal.SIGTERM)), timeout=1)
        process.setUp()
        with testtools.ExpectedException(AssertionError,
                                         '.* did not end within 1 s .*'):
            process.cleanUp()
        self.assertEqual(-signal.SIGKILL, process.returncode)

    def test_an_end_at_the_start_is_reported_with_the_output(self) -> None:
        process = base.Process(
            [sys.executable, '-c', 'raise SystemExit("no luck")'],
            ready=lambda: False)
        error = self.assertRaises(fixtures.MultipleExceptions, process.setUp)
        self.assertIn('status 1:\nno luck', str(error.args[0][1]))

    def test_the_end_of_its_log_is_a_detail(self) -> None:
        process = self.useFixture(sleeper())
        self.assertEqual(
            'READY\n', process.getDetails()[process.log.name].as_text())


class RunTestCase(oslotest.BaseTestCase):

    def test_a_failure_is_reported_with_the_output(self) -> None:
        with testtools.ExpectedException(AssertionError,
                                         '(?s).*ended with 3:.*no luck'):
            base.run([sys.executable, '-c',
                      'print("no luck"); raise SystemExit(3)'])
