# SPDX-License-Identifier: Apache-2.0

"""What the fixtures of real services have in common.

A fixture starts the real program, on the loopback interface and in its own
temporary directory, and stops it. A program that is not installed makes the
test a skip that names the program and the Debian package that has it.
"""

import atexit
import collections.abc
import functools
import glob
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import typing
import unittest

import fixtures
import psutil
from testtools import content
from testtools import content_type

#: Where Debian keeps servers, beside PATH.
SERVER_PATHS = (
    '/usr/sbin',
    '/usr/lib/rabbitmq/bin',
    '/usr/lib/postgresql/*/bin',
)

#: Programs that are not found in the Debian package of their own name.
DEBIAN_PACKAGES = {
    'chromedriver': 'chromium-driver',
    'dot': 'graphviz',
    'epmd': 'erlang-base',
    'initdb': 'postgresql',
    'ip': 'iproute2',
    'ipmi_sim': 'openipmi',
    'mariadb-install-db': 'mariadb-server',
    'mariadbd': 'mariadb-server',
    'mosquitto_passwd': 'mosquitto',
    'mosquitto_pub': 'mosquitto-clients',
    'mosquitto_sub': 'mosquitto-clients',
    'postgres': 'postgresql',
    'promtool': 'prometheus',
    'rabbitmqctl': 'rabbitmq-server',
    'sdrcomp': 'openipmi',
    'sensors': 'lm-sensors',
    'setpriv': 'util-linux',
    'snmpget': 'snmp',
    'snmpset': 'snmp',
    'systemd-analyze': 'systemd',
    'umockdev-run': 'umockdev',
}

#: Linux gives outgoing connections ports from 32768 upwards: a port below
#: is still free when the service that it was found for binds it.
PORTS = range(10_000, 32_768)

#: Where services keep their files. (While a test of oslotest's runs, tempfile
#: gives a directory that only this user can enter, and that ends with the
#: test: no place for shared services, or those of another user.)
TEMPORARY = tempfile.gettempdir()

#: How much of a log is shown when a test fails.
LOG_TAIL = 16_384

T = typing.TypeVar('T')


def program(name: str) -> str:
    """Find a program.

    :param name: Its name, or a path (which is returned as it is).
    :raises unittest.SkipTest: It is not installed.
    """
    paths = [os.environ.get('PATH', os.defpath)]
    for pattern in SERVER_PATHS:
        paths += sorted(glob.glob(pattern), reverse=True)
    found = shutil.which(name, path=os.pathsep.join(paths))
    if found is None:
        base = os.path.basename(name)
        package = DEBIAN_PACKAGES.get(base, base)
        raise unittest.SkipTest(
            f'{name} is not installed (Debian package: {package})'
        )
    return found


def require(*names: str) -> None:
    """Skip the test unless all these programs are installed.

    :raises unittest.SkipTest: One of them is not.
    """
    for name in names:
        program(name)


def free_port() -> int:
    """Return a port of 127.0.0.1 that neither TCP nor UDP uses."""
    for port in random.sample(PORTS, k=100):
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(('127.0.0.1', port))
        except OSError:
            continue
        return port
    raise OSError('no free port found on 127.0.0.1')


def listening(port: int) -> bool:
    """Tell whether a TCP connection to this port of 127.0.0.1 succeeds."""
    try:
        socket.create_connection(('127.0.0.1', port), timeout=1).close()
    except OSError:
        return False
    return True


def as_user(name: str | None) -> dict[str, typing.Any]:
    """Return the options of subprocess that run a program as this user."""
    if name is None:
        return {}
    return {'user': name, 'group': name, 'extra_groups': []}


def wait_for(
    condition: collections.abc.Callable[[], T], timeout: float, what: str
) -> T:
    """Ask until the answer is true, and return it.

    :param condition: Asked ten times a second; what it raises is raised.
    :param timeout: Seconds.
    :param what: What is waited for, for the message of the failure.
    :raises AssertionError: It was not true in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(
                f'{what}: not within {timeout} s (last answer: {answer!r})'
            )
        time.sleep(0.1)


class Service(fixtures.Fixture):
    """A fixture that may find out that it can't run here: then it skips."""

    def setUp(self) -> None:
        """Set up; what :func:`program` raises stays a skip.

        (Fixture.setUp reports it as one of several errors, which testtools
        counts as a failure.)
        """
        try:
            super().setUp()
        except fixtures.MultipleExceptions as e:
            first = e.args[0][1]
            if isinstance(first, unittest.SkipTest):
                raise first
            raise


def _each(
    action: collections.abc.Callable[[psutil.Process], None],
    processes: list[psutil.Process],
) -> None:
    for process in processes:
        try:
            action(process)
        except psutil.NoSuchProcess:
            pass


def _is_alive(process: psutil.Process) -> bool:
    # Orphans stay zombies where process 1 is not made to wait for them.
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Process(Service):
    """One running program, in a session of its own.

    It can be stopped and started again, killed, paused and resumed. What it
    prints goes to the file :attr:`log`, whose end is attached to a failed
    test. A service is a subclass that prepares what its program needs.
    """

    #: Asks the program to end in good order.
    stop_signal = signal.SIGTERM

    def __init__(
        self,
        argv: collections.abc.Sequence[str | os.PathLike],
        *,
        ready: collections.abc.Callable[[], object] = lambda: True,
        timeout: float = 60,
        env: collections.abc.Mapping[str, str] | None = None,
        cwd: str | os.PathLike | None = None,
        user: str | None = None,
    ) -> None:
        """Describe the program.

        :param argv: The command; its program is looked for as
            :func:`program` does.
        :param ready: Becomes true when the program is ready for use.
        :param timeout: Seconds to get ready in, and to end in.
        :param env: Added to the environment of the tests.
        :param cwd: Working directory; by default :attr:`directory`.
        :param user: Run as this user (and its group) if the tests are root.
        """
        super().__init__()
        self.argv = [os.fspath(word) for word in argv]
        self.env = dict(env or {})
        self.name = os.path.basename(self.argv[0])
        self._ready = ready
        self._timeout = timeout
        self._cwd = cwd
        self.user = user if os.geteuid() == 0 else None
        self._popen: psutil.Popen | None = None

    def _setUp(self) -> None:
        self.argv[0] = program(self.argv[0])
        #: Belongs to the program, and is removed with the fixture.
        self.directory = pathlib.Path(
            self.useFixture(fixtures.TempDir(TEMPORARY)).path
        )
        if self.user is not None:
            shutil.chown(self.directory, self.user, self.user)
        self.log = self.directory / f'{self.name}.log'
        self.log.touch()
        self.addDetail(
            self.log.name,
            content.Content(
                content_type.UTF8_TEXT, lambda: [self._log_tail()]
            ),
        )
        self.prepare()
        self.addCleanup(self.stop)
        self.start()

    def prepare(self) -> None:
        """Make what the program needs, before its first start.

        :attr:`directory` exists; :attr:`argv` and :attr:`env` may still be
        completed.
        """

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running().pid

    @property
    def returncode(self) -> int | None:
        """Its exit status; None while it runs, and before the start."""
        return self._popen.poll() if self._popen else None

    def output(self) -> str:
        """Return all that it printed so far."""
        return self.log.read_text(errors='replace')

    def start(self) -> None:
        """Start the program, unless it runs, and wait until it is ready.

        :raises AssertionError: It ended, or is not ready in time.
        """
        if self._family():
            return
        # Nothing stays, however the tests end.
        die_with_tests = [program('setpriv'), '--pdeathsig', 'KILL', '--']
        with self.log.open('ab') as log:
            self._popen = psutil.Popen(
                [*die_with_tests, *self.argv],
                cwd=self._cwd or self.directory,
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **as_user(self.user),
            )
        wait_for(self._is_ready, self._timeout, f'{self.name} is ready')

    def stop(self) -> None:
        """End the program by its signal and wait for its end.

        :raises AssertionError: It did not end in time, and was killed.
        """
        family = self._family()
        if not family:
            return
        try:
            self.resume()
            self.signal(self.stop_signal)
            self._running().wait(self._timeout)
        except psutil.TimeoutExpired:
            raise AssertionError(
                f'{self.name} did not end within '
                f'{self._timeout} s of its signal'
            )
        finally:
            self._kill(family)

    def kill(self) -> None:
        """Kill the program and its descendants, as kill -9 does."""
        self._kill(self._family())

    def pause(self) -> None:
        """Make it and its descendants hang."""
        _each(psutil.Process.suspend, self._family())

    def resume(self) -> None:
        """End a pause."""
        _each(psutil.Process.resume, self._family())

    def signal(self, signum: int) -> None:
        """Send a signal to the program, not to its descendants."""
        self._running().send_signal(signum)

    def _running(self) -> psutil.Popen:
        assert self._popen is not None, f'{self.name} was never started'
        return self._popen

    def _family(self) -> list[psutil.Process]:
        """Give the program and its descendants; nothing if it has ended.

        (The process group would not do: PostgreSQL's processes leave it.)
        """
        if self._popen is None or self.returncode is not None:
            return []
        leader = psutil.Process(self.pid)
        return [leader, *leader.children(recursive=True)]

    def _kill(self, family: list[psutil.Process]) -> None:
        _each(psutil.Process.kill, family)
        self._running().wait(self._timeout)
        wait_for(
            lambda: not any(map(_is_alive, family)),
            self._timeout,
            f'all processes of {self.name} end',
        )

    def _is_ready(self) -> object:
        status = self.returncode
        if status is not None:
            raise AssertionError(
                f'{self.name} ended with status {status}:\n'
                f'{self.output()[-LOG_TAIL:]}'
            )
        return self._ready()

    def _log_tail(self) -> bytes:
        try:
            return self.log.read_bytes()[-LOG_TAIL:]
        except OSError as e:
            return f'{self.log}: {e}'.encode()


def run(
    argv: collections.abc.Sequence[str | os.PathLike],
    *,
    timeout: float = 60,
    env: collections.abc.Mapping[str, str] | None = None,
    cwd: str | os.PathLike | None = None,
    user: str | None = None,
) -> str:
    """Run a program to its end and return its standard output.

    :param argv: The command; its program is looked for as :func:`program`
        does.
    :param timeout: Seconds until it is killed.
    :param env: Added to the environment of the tests.
    :param cwd: Working directory.
    :param user: Run as this user (and its group).
    :raises AssertionError: It failed; with what it printed.
    """
    command = [program(os.fspath(argv[0])), *argv[1:]]
    done = subprocess.run(
        command,
        timeout=timeout,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        text=True,
        capture_output=True,
        **as_user(user),
    )
    if done.returncode != 0:
        raise AssertionError(
            f'{command} ended with {done.returncode}:\n'
            f'{done.stdout}{done.stderr}'
        )
    return done.stdout


@functools.cache
def shared(service: type[T]) -> T:
    """Return the one instance that all tests of this process share.

    It is started by the first test that asks and stopped at the end.
    """
    instance = service()
    instance.setUp()
    atexit.register(instance.cleanUp)
    return instance
