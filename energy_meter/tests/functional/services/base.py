# SPDX-License-Identifier: Apache-2.0

"""Base of the fixtures that start real services.

A fixture starts the real program, on the loopback interface and in its own
temporary directory, and stops it. If a program is not installed, the test is
skipped; the reason names the program and its Debian package.
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

#: Directories in which Debian keeps servers, besides PATH.
SERVER_PATHS = (
    '/lib/nut',
    '/usr/sbin',
    '/usr/lib/rabbitmq/bin',
    '/usr/lib/postgresql/*/bin',
)

#: Debian packages of programs whose package has another name.
DEBIAN_PACKAGES = {
    'certutil': 'libnss3-tools',
    'chromedriver': 'chromium-driver',
    'collectd': 'collectd-core',
    'dot': 'graphviz',
    'dummy-ups': 'nut-server',
    'epmd': 'erlang-base',
    'initdb': 'postgresql',
    'ip': 'iproute2',
    'ipmi_sim': 'openipmi',
    'libvirtd': 'libvirt-daemon',
    'mariadb-install-db': 'mariadb-server',
    'mariadbd': 'mariadb-server',
    'mosquitto_passwd': 'mosquitto',
    'mosquitto_pub': 'mosquitto-clients',
    'mosquitto_sub': 'mosquitto-clients',
    'pk12util': 'libnss3-tools',
    'postgres': 'postgresql',
    'promtool': 'prometheus',
    'qemu-system-x86_64': 'qemu-system-x86',
    'rabbitmqctl': 'rabbitmq-server',
    'sdrcomp': 'openipmi',
    'sensors': 'lm-sensors',
    'setpriv': 'util-linux',
    'snmpbulkwalk': 'snmp',
    'snmpget': 'snmp',
    'snmpset': 'snmp',
    'systemd-analyze': 'systemd',
    'umockdev-run': 'umockdev',
    'upsc': 'nut-client',
    'upsd': 'nut-server',
    'upsrw': 'nut-client',
}

#: Linux takes ports of outgoing connections from 32768 upwards, so a port
#: below stays free until the service binds it.
PORTS = range(10_000, 32_768)

#: Parent of the directories of services. During a test, oslotest makes
#: tempfile use a directory that only this user can enter and that is removed
#: with the test, which suits neither shared services nor other users.
TEMPORARY = tempfile.gettempdir()

#: Maximum bytes of a log that are attached to a failed test.
LOG_TAIL = 16_384

T = typing.TypeVar('T')


def program(name: str) -> str:
    """Find a program.

    :param name: name or path of the program; a path is returned unchanged.
    :raises unittest.SkipTest: if it is not installed.
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

    :raises unittest.SkipTest: if one of them is not.
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
    """Check whether a TCP connection to a port of 127.0.0.1 succeeds."""
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
    """Wait until a condition is true, and return its value.

    :param condition: called ten times a second; its errors propagate.
    :param timeout: maximum time in seconds.
    :param what: description of the condition, for the error message.
    :raises AssertionError: if the timeout expires.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(
                f'{what}: not within {timeout} s (last value: {value!r})'
            )
        time.sleep(0.1)


class Service(fixtures.Fixture):
    """A fixture that skips the test if it cannot run on this machine."""

    def setUp(self) -> None:
        """Set up, and skip the test if :func:`program` raises SkipTest.

        Fixture.setUp reports a skip as one of several errors, which testtools
        counts as a failure.
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
    # Orphans stay zombies if process 1 does not wait for them.
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Process(Service):
    """One running program, in its own session.

    It can be stopped, restarted, killed, paused and resumed. Its output goes
    to the file :attr:`log`, whose end is attached to a failed test. A service
    is a subclass that prepares the files its program needs.
    """

    #: Signal that stops the program gracefully.
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

        :param argv: command; :func:`program` finds its program.
        :param ready: returns true when the program is ready for use.
        :param timeout: maximum seconds to start, and to stop.
        :param env: variables added to the environment of the tests.
        :param cwd: working directory; :attr:`directory` by default.
        :param user: run as this user and its group if the tests run as root.
        """
        super().__init__()
        self.argv = [os.fspath(argument) for argument in argv]
        self.env = dict(env or {})
        self.name = os.path.basename(self.argv[0])
        self._ready = ready
        self._timeout = timeout
        self._cwd = cwd
        self.user = user if os.geteuid() == 0 else None
        self._popen: psutil.Popen | None = None

    def _setUp(self) -> None:
        self.argv[0] = program(self.argv[0])
        #: Directory of the program; removed with the fixture.
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
        """Prepare the files of the program before its first start.

        :attr:`directory` exists; :attr:`argv` and :attr:`env` can still be
        changed.
        """

    @property
    def pid(self) -> int:
        """Process id."""
        return self._running().pid

    @property
    def returncode(self) -> int | None:
        """Exit status; None while the program runs and before its start."""
        return self._popen.poll() if self._popen else None

    def output(self) -> str:
        """Return everything that the program printed so far."""
        return self.log.read_text(errors='replace')

    def start(self) -> None:
        """Start the program unless it runs, and wait until it is ready.

        :raises AssertionError: if it exits or is not ready in time.
        """
        if self._family():
            return
        # No process outlives the tests, however they end.
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
        wait_for(self._is_ready, self._timeout, f'{self.name} to be ready')

    def stop(self) -> None:
        """Stop the program gracefully and wait until it exits.

        :raises AssertionError: if it did not exit in time and was killed.
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
                f'{self.name} did not exit within '
                f'{self._timeout} s of its signal'
            )
        finally:
            self._kill(family)

    def kill(self) -> None:
        """Kill the program and its descendants with SIGKILL."""
        self._kill(self._family())

    def pause(self) -> None:
        """Suspend the program and its descendants."""
        _each(psutil.Process.suspend, self._family())

    def resume(self) -> None:
        """Resume the program and its descendants."""
        _each(psutil.Process.resume, self._family())

    def signal(self, signum: int) -> None:
        """Send a signal to the program, not to its descendants."""
        self._running().send_signal(signum)

    def _running(self) -> psutil.Popen:
        assert self._popen is not None, f'{self.name} was never started'
        return self._popen

    def _family(self) -> list[psutil.Process]:
        """Return the program and its descendants; nothing if it has exited.

        The process group is not enough: PostgreSQL's processes leave it.
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
            f'all processes of {self.name} to exit',
        )

    def _is_ready(self) -> object:
        status = self.returncode
        if status is not None:
            raise AssertionError(
                f'{self.name} exited with status {status}:\n'
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
    """Run a program and return its standard output.

    :param argv: command; :func:`program` finds its program.
    :param timeout: seconds after which it is killed.
    :param env: variables added to the environment of the tests.
    :param cwd: working directory.
    :param user: run as this user and its group.
    :raises AssertionError: if it fails; the text has its output.
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
            f'{command} exited with {done.returncode}:\n'
            f'{done.stdout}{done.stderr}'
        )
    return done.stdout


@functools.cache
def shared(service: type[T]) -> T:
    """Return the instance that all tests of this process share.

    It starts on first use and stops when the process exits.
    """
    instance = service()
    instance.setUp()
    atexit.register(instance.cleanUp)
    return instance
