# SPDX-License-Identifier: Apache-2.0

"""Session with upsd, the server of Network UPS Tools.

Sources: the chapter "Network protocol information" of the developer guide of
Network UPS Tools, RFC 9271, and the behavior of upsd 2.8.0.
"""

import re
import socket
import ssl
import time
import typing

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import http

#: upsd closes connections that were idle for 60 seconds.
MAX_IDLE_S = 30.0

#: Errors that concern the user.
AUTHENTICATION_ERRORS = (
    'ACCESS-DENIED',
    'INVALID-PASSWORD',
    'INVALID-USERNAME',
    'PASSWORD-REQUIRED',
    'USERNAME-REQUIRED',
)

#: Errors that concern one UPS.
UPS_ERRORS = {
    'DATA-STALE': 'its data is stale',
    'DRIVER-NOT-CONNECTED': 'its driver does not run',
    'UNKNOWN-UPS': 'upsd has no UPS of this name',
}

_QUOTED = r'"((?:[^"\\]|\\.)*)"'


class Session:
    """Connection to one upsd.

    :param options: the driver's options.
    :ivar name: host and port of upsd.
    """

    def __init__(self, options: typing.Any) -> None:
        self._options = options
        self.name = f'{options.host}:{options.port}'
        self._socket: socket.socket | None = None
        self._buffer = b''
        self._used_at, self._received = 0.0, 0
        self._failure: exception.DriverError | None = None

    def open(self) -> None:
        """Connect and log in, unless a connection is open.

        :raises DriverError: if this fails.
        """
        if time.monotonic() - self._used_at > MAX_IDLE_S:
            self.close()
        if self._socket is not None:
            return
        options = self._options
        self._buffer, self._failure = b'', None
        try:
            self._socket = socket.create_connection(
                (options.host, options.port), options.timeout
            )
        except OSError as e:
            raise self._failed(e)
        try:
            self._log_in()
        except exception.DriverError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def ups_names(self) -> list[str]:
        """Return the names of all UPSes, in the order of ``ups.conf``.

        :raises DriverError: if upsd does not return them.
        """
        pattern = re.compile(rf'UPS (\S+) {_QUOTED}')
        return [match[1] for match in self._list('UPS', pattern)]

    def variables(self, ups: str) -> dict[str, str]:
        """Return the values of all variables of a UPS.

        :raises DeviceUnreachable: if upsd has no current values, or does not
            respond. In the latter case, all further calls fail at once.
        :raises DriverError: if the response is another error.
        """
        pattern = re.compile(rf'VAR {re.escape(ups)} (\S+) {_QUOTED}')
        return {
            match[1]: re.sub(r'\\(.)', r'\1', match[2])
            for match in self._list(f'VAR {ups}', pattern)
        }

    def _log_in(self) -> None:
        options = self._options
        if options.tls:
            self._start_tls()
        if options.username is not None:
            self._confirm('USERNAME', options.username)
        if options.password is not None:
            self._confirm('PASSWORD', options.password)

    def _start_tls(self) -> None:
        http.check_ca_file(self._options.ca_file)
        self._confirm('STARTTLS')
        # Discard what an attacker may have sent ahead of the handshake.
        self._buffer = b''
        context = ssl.create_default_context(cafile=self._options.ca_file)
        assert self._socket is not None, 'the session is not open'
        try:
            self._socket = context.wrap_socket(
                self._socket, server_hostname=self._options.host
            )
        except OSError as e:
            raise self._failed(e)

    def _confirm(self, command: str, *arguments: str) -> None:
        """Send a command that upsd answers with OK."""
        deadline = self._send(command, *map(_quote, arguments))
        line = self._receive_line(deadline)
        if line.split()[:1] != ['OK']:
            raise self._error(command, line)

    def _list(
        self, query: str, pattern: re.Pattern[str]
    ) -> list[re.Match[str]]:
        """Send a LIST command, and return its lines without the frame."""
        deadline = self._send('LIST', query)
        line = self._receive_line(deadline)
        if line != f'BEGIN LIST {query}':
            raise self._error(f'LIST {query}', line)
        matches = []
        while (line := self._receive_line(deadline)) != f'END LIST {query}':
            match = pattern.fullmatch(line)
            if match is None:
                raise self._invalid(f'LIST {query}', line)
            matches.append(match)
        return matches

    def _send(self, *words: str) -> float:
        """Send a command, and return the deadline of its response."""
        if self._failure is not None:
            raise self._failure
        assert self._socket is not None, 'the session is not open'
        self._used_at, self._received = time.monotonic(), 0
        timeout = self._options.timeout
        try:
            self._socket.settimeout(timeout)
            self._socket.sendall(' '.join(words).encode() + b'\n')
        except OSError as e:
            raise self._failed(e)
        return float(self._used_at + timeout)

    def _receive_line(self, deadline: float) -> str:
        assert self._socket is not None, 'the session is not open'
        while b'\n' not in self._buffer:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise self._failed(TimeoutError())
            try:
                self._socket.settimeout(remaining)
                data = self._socket.recv(65_536)
            except OSError as e:
                raise self._failed(e)
            if not data:
                raise self._failed('upsd closed the connection')
            self._buffer += data
            self._received += len(data)
            if self._received > bounds.MAX_NUT_BYTES:
                raise self._invalid('response', 'more than 1 MB')
        line, _, self._buffer = self._buffer.partition(b'\n')
        return line.decode(errors='replace').strip()

    def _error(self, command: str, line: str) -> exception.DriverError:
        """Return the error for a response that is not the expected one."""
        kind, _, rest = line.partition(' ')
        code = rest.split(' ')[0]
        if kind != 'ERR':
            return self._invalid(command, line)
        if code in AUTHENTICATION_ERRORS:
            return exception.AuthenticationFailed(
                device=self.name, user=self._options.username or '(none)'
            )
        if code in UPS_ERRORS:
            return exception.DeviceUnreachable(
                device=f'{command.split()[-1]}@{self.name}',
                reason=f'{UPS_ERRORS[code]} ({code})',
            )
        return exception.ProtocolError(
            device=self.name, reason=f'{command}: upsd returned {code}'
        )

    def _invalid(self, command: str, line: str) -> exception.DriverError:
        return self._failed(
            exception.ProtocolError(
                device=self.name,
                reason=f'{command}: {line[:80]!r} is not a response of upsd',
            )
        )

    def _failed(
        self, reason: OSError | str | exception.DriverError
    ) -> exception.DriverError:
        """Close the connection, because a late response could follow.

        :returns: the error, which all further requests raise as well.
        """
        self.close()
        if isinstance(reason, TimeoutError):
            reason = f'no response within {self._options.timeout:g} s'
        if not isinstance(reason, exception.DriverError):
            reason = exception.DeviceUnreachable(
                device=self.name, reason=reason
            )
        self._failure = reason
        return reason


def _quote(text: str) -> str:
    """Quote an argument that may contain spaces."""
    return '"' + re.sub(r'(["\\])', r'\\\1', text) + '"'
