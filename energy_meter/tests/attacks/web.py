# SPDX-License-Identifier: Apache-2.0

"""Clients that occupy the HTTP servers of a process, or fill its log.

The victim is energy-meter-standalone with the limit of open files that
systemd sets by default. While the attack lasts, an honest client asks for the
probes, and its longest delay is measured.
"""

import collections.abc
import contextlib
import http.client
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import typing

from energy_meter.tests.attacks import attack

#: Seconds that each attack lasts.
DURATION_S = 12.0

#: Seconds after which the honest client gives up.
PATIENCE_S = 30.0

#: systemd's default of LimitNOFILE.
OPEN_FILES = 1024

_HOST = '127.0.0.1'
_START_TIMEOUT_S = 60.0
#: Seconds between connections. More at once would exceed the backlog, and wait
#: in vain.
_PACE_S = 0.003
_MAIN = 'from energy_meter.cmd import standalone; standalone.main()'
_TICKS = os.sysconf('SC_CLK_TCK')

#: One connection of an attacker. It ends when the event is set.
Client = collections.abc.Callable[[socket.socket, threading.Event], None]


def _be_silent(_connection: socket.socket, over: threading.Event) -> None:
    over.wait()


def _dribble(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b'GET / HTTP/1.1\r\nX: ')
    while not over.wait(0.5):
        connection.sendall(b'x')


def _read_slowly(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b'GET /v1/probes/ HTTP/1.1\r\nHost: localhost\r\n\r\n')
    while not over.wait(0.5):
        connection.recv(1)


def _repeat(request: bytes) -> Client:
    def send(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(request)
        while not over.is_set() and connection.recv(65536):
            pass

    return send


_BROKEN_CHUNK = (
    b'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n'
    b'Transfer-Encoding: chunked\r\n\r\nbroken\r\n'
)


class Attack(typing.NamedTuple):
    """How a server is attacked.

    :ivar server: section of the server.
    :ivar connections: number of connections at a time. Each that ends is
        replaced.
    """

    client: Client
    connections: int
    server: str = 'api'


ATTACKS = {
    'silent-connections': Attack(_be_silent, 400),
    'silent-connections-as-many-as-files': Attack(_be_silent, OPEN_FILES),
    'dribbling-connections': Attack(_dribble, 20),
    'slow-readers': Attack(_read_slowly, 20),
    'broken-chunks': Attack(_repeat(_BROKEN_CHUNK), 4),
    'malformed-targets': Attack(_repeat(b'GET //[ HTTP/1.1\r\n\r\n'), 4),
    'dribbling-metrics-connections': Attack(_dribble, OPEN_FILES, 'metrics'),
}


class Victim:
    """A process with all services, their state in a temporary directory."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.ports = {name: _free_port() for name in ('api', 'rrd', 'metrics')}
        self._state = directory / 'state'
        self._log = directory / 'log'
        configuration = directory / 'energy_meter.conf'
        configuration.write_text(
            f'[DEFAULT]\nlog_file = {self._log}\n'
            '[agent]\nclock = synced\ncheckpoint_interval = 1\n'
            '[wattmeter:demo]\ndriver = dummy\nprobes = demo\n'
            + ''.join(
                f'[{name}]\nport = {port}\n'
                for name, port in self.ports.items()
            )
        )
        self._process = subprocess.Popen(
            [
                *(sys.executable, '-c', _MAIN),
                *('--config-file', os.fspath(configuration)),
                *('--state-path', os.fspath(self._state)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        resource.prlimit(
            self._process.pid,
            resource.RLIMIT_NOFILE,
            (OPEN_FILES, OPEN_FILES),
        )

    def wait(self) -> None:
        """Wait until the API responds and the agent has stored its state."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.fetch()
                if self._changed():
                    return
            time.sleep(0.1)
        raise RuntimeError('energy-meter-standalone does not respond')

    def fetch(self) -> float:
        """Return the seconds until the API has responded."""
        started = time.monotonic()
        with contextlib.closing(
            http.client.HTTPConnection(
                _HOST, self.ports['api'], timeout=PATIENCE_S
            )
        ) as connection:
            connection.request('GET', '/v1/probes/')
            connection.getresponse().read()
        return time.monotonic() - started

    def figures(self) -> tuple[int, float, int, float]:
        """Return four figures of the process.

        They are peak memory, processor time, size of the log and age of the
        agent's checkpoint, in bytes and seconds.
        """
        process = pathlib.Path('/proc', str(self._process.pid))
        peak = next(
            1024 * int(line.split()[1])
            for line in (process / 'status').read_text().splitlines()
            if line.startswith('VmHWM:')
        )
        fields = (process / 'stat').read_text().rpartition(')')[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / _TICKS
        return (
            peak,
            cpu,
            self._log.stat().st_size,
            time.time() - self._changed(),
        )

    def stop(self) -> None:
        """Stop the process."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _changed(self) -> float:
        """Return the time at which the agent stored its state, or 0."""
        return max(
            (
                file.stat().st_mtime
                for file in self._state.glob('**/checkpoint*.json')
            ),
            default=0.0,
        )


def _free_port() -> int:
    with socket.create_server((_HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _attack(port: int, client: Client, over: threading.Event) -> None:
    """Connect again and again until the attack is over."""
    while not over.is_set():
        with (
            contextlib.suppress(OSError),
            socket.create_connection((_HOST, port), PATIENCE_S) as connection,
        ):
            client(connection, over)


def _longest_delay(victim: Victim) -> float:
    longest = 0.0
    end = time.monotonic() + DURATION_S
    while time.monotonic() < end:
        try:
            longest = max(longest, victim.fetch())
        except (OSError, http.client.HTTPException):
            return PATIENCE_S
        time.sleep(0.2)
    return longest


def run(name: str) -> attack.Figures:
    """Run one attack of :data:`ATTACKS`."""
    client, connections, server = ATTACKS[name]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    over = threading.Event()
    with tempfile.TemporaryDirectory() as directory:
        victim = Victim(pathlib.Path(directory))
        try:
            victim.wait()
            memory, cpu, log, _ = victim.figures()
            for _ in range(connections):
                threading.Thread(
                    target=_attack,
                    args=(victim.ports[server], client, over),
                    daemon=True,
                ).start()
                time.sleep(_PACE_S)
            delay = _longest_delay(victim)
            peak, total_cpu, total_log, age = victim.figures()
        finally:
            over.set()
            victim.stop()
    return attack.Figures(
        peak - memory,
        total_cpu - cpu,
        delay,
        f'log grew by {(total_log - log) / 1e6:.1f} MB; '
        f'checkpoint was {age:.0f} s old',
    )
