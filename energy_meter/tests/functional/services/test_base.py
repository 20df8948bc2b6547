# SPDX-License-Identifier: Apache-2.0

"""Tests of the base of the service fixtures."""

import signal
import socket
import sys
import unittest

import fixtures
from oslotest import base as oslotest
import psutil
import testtools

from energy_meter.tests.functional.services import base

#: Ignores the signal given as its argument, prints READY and sleeps.
SLEEPER = """
import signal, sys, time
if sys.argv[1:]:
    signal.signal(int(sys.argv[1]), signal.SIG_IGN)
print('READY', flush=True)
time.sleep(600)
"""


def sleeper(*args: str, timeout: float = 60) -> base.Process:
    process = base.Process(
        [sys.executable, '-c', SLEEPER, *args],
        timeout=timeout,
        ready=lambda: 'READY' in process.output(),
    )
    return process


#: Starts a SLEEPER in a session of its own and waits until it exits.
PARENT = """
import subprocess, sys
subprocess.run([sys.executable, *sys.argv[1:]], start_new_session=True)
"""


#: Starts a SLEEPER as a test does, and exits without cleaning up.
DEAD_TEST = f"""
import os, sys
from energy_meter.tests.functional.services import base
process = base.Process([sys.executable, '-c', {SLEEPER!r}])
process.setUp()
print(process.pid, flush=True)
os._exit(0)
"""


def is_paused(process: psutil.Process) -> bool:
    return process.status() == psutil.STATUS_STOPPED


class MissingProgramTestCase(oslotest.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.tests.functional.services.base.SERVER_PATHS', ()
            )
        )
        self.useFixture(fixtures.EnvironmentVariable('PATH', '/nowhere'))

    def test_skip_names_program_and_package(self) -> None:
        with testtools.ExpectedException(
            unittest.SkipTest, r'.*ipmi_sim .*openipmi\)'
        ):
            base.require('ipmi_sim')

    def test_service_inside_a_service_skips_as_well(self) -> None:
        class Outer(base.Process):
            def prepare(self) -> None:
                self.useFixture(base.Process(['epmd']))

        outer = Outer([sys.executable])
        with testtools.ExpectedException(unittest.SkipTest, '.*erlang-base'):
            outer.setUp()


class FreePortTestCase(oslotest.BaseTestCase):
    def test_port_in_use_is_not_free(self) -> None:
        port = base.free_port()
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.tests.functional.services.base.PORTS',
                range(port, port + 100),
            )
        )
        user = socket.create_server(('127.0.0.1', port))
        self.addCleanup(user.close)
        self.assertNotEqual(port, base.free_port())


class WaitForTestCase(oslotest.BaseTestCase):
    def test_true_value_is_returned(self) -> None:
        answers = iter([None, 0, 'yes'])
        self.assertEqual('yes', base.wait_for(lambda: next(answers), 60, ''))

    def test_failure_names_the_condition(self) -> None:
        with testtools.ExpectedException(
            AssertionError, r'the moon: not within 0 s .*\[\].*'
        ):
            base.wait_for(list, 0, 'the moon')


class ProcessTestCase(oslotest.BaseTestCase):
    def test_runs_until_the_end_of_the_fixture(self) -> None:
        with sleeper() as process:
            self.assertIsNone(process.returncode)
        self.assertEqual(-signal.SIGTERM, process.returncode)

    def test_restart(self) -> None:
        process = self.useFixture(sleeper())
        first = process.pid
        process.stop()
        process.start()
        self.assertIsNone(process.returncode)
        self.assertNotEqual(first, process.pid)

    def test_running_program_is_not_started_twice(self) -> None:
        process = self.useFixture(sleeper())
        first = process.pid
        process.start()
        self.assertEqual(first, process.pid)

    def test_kill(self) -> None:
        process = self.useFixture(sleeper(str(int(signal.SIGTERM))))
        process.kill()
        self.assertEqual(-signal.SIGKILL, process.returncode)

    def test_pause_and_resume(self) -> None:
        process = self.useFixture(sleeper())
        process.pause()
        program = psutil.Process(process.pid)
        base.wait_for(lambda: is_paused(program), 10, 'it to be suspended')
        process.resume()
        base.wait_for(lambda: not is_paused(program), 10, 'it to be resumed')

    def test_descendants_are_paused_and_killed_as_well(self) -> None:
        process = base.Process(
            [sys.executable, '-c', PARENT, '-c', SLEEPER],
            ready=lambda: 'READY' in process.output(),
        )
        self.useFixture(process)
        (child,) = psutil.Process(process.pid).children()
        process.pause()
        base.wait_for(
            lambda: is_paused(child), 10, 'the child to be suspended'
        )
        process.kill()
        base.wait_for(lambda: not child.is_running(), 10, 'the child to exit')

    def test_paused_process_is_stopped(self) -> None:
        process = self.useFixture(sleeper())
        process.pause()
        process.stop()
        self.assertEqual(-signal.SIGTERM, process.returncode)

    def test_program_does_not_outlive_the_tests(self) -> None:
        temporary = self.useFixture(fixtures.TempDir()).path
        pid = int(
            base.run(
                [sys.executable, '-c', DEAD_TEST], env={'TMPDIR': temporary}
            )
        )
        base.wait_for(
            lambda: (
                not psutil.pid_exists(pid)
                or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
            ),
            10,
            'the program to exit',
        )

    def test_program_that_does_not_stop_is_killed_and_reported(self) -> None:
        process = sleeper(str(int(signal.SIGTERM)), timeout=1)
        process.setUp()
        with testtools.ExpectedException(
            AssertionError, '.* did not exit within 1 s .*'
        ):
            process.cleanUp()
        self.assertEqual(-signal.SIGKILL, process.returncode)

    def test_exit_at_start_is_reported_with_the_output(self) -> None:
        process = base.Process(
            [sys.executable, '-c', 'raise SystemExit("no luck")'],
            ready=lambda: False,
        )
        error = self.assertRaises(fixtures.MultipleExceptions, process.setUp)
        self.assertIn('status 1:\nno luck', str(error.args[0][1]))

    def test_end_of_its_log_is_a_detail(self) -> None:
        process = self.useFixture(sleeper())
        self.assertEqual(
            'READY\n', process.getDetails()[process.log.name].as_text()
        )


class RunTestCase(oslotest.BaseTestCase):
    def test_failure_is_reported_with_the_output(self) -> None:
        with testtools.ExpectedException(
            AssertionError, '(?s).*exited with 3:.*no luck'
        ):
            base.run(
                [sys.executable, '-c', 'print("no luck"); raise SystemExit(3)']
            )
