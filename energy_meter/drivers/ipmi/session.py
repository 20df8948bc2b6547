# SPDX-License-Identifier: Apache-2.0

"""IPMI session with one BMC over RMCP+.

pyghmi's regular sessions share sockets, a thread and session tables between
all BMCs of a process. In a long-running service this has four drawbacks: the
connection to a lost BMC is never restored, reading a lost BMC blocks for 30
seconds, a response that arrives early is delayed by a second, and file
descriptors above 1023 do not work. pyghmi's *simple* session shares nothing,
but has no timeout and no retransmission. This module adds both.
"""

import collections.abc
import contextlib
import socket
import struct
import time
import typing

from pyghmi import exceptions as pyghmi_exceptions
from pyghmi.ipmi.private import constants
from pyghmi.ipmi.private import simplesession

from energy_meter import exception

#: Privilege levels by name (IPMI 2.0, table 6-2).
PRIVILEGES = {'user': 2, 'operator': 3, 'administrator': 4}

#: Completion codes of a BMC that is busy or starting.
_BUSY = frozenset({0xC0, 0xD0, 0xD1, 0xD2})

#: Completion codes that are ambiguous: the command is either not supported,
#: or not possible in the machine's present state.
_UNAVAILABLE = frozenset({0xC3, 0xCE, 0xD5})

#: Time without a response after which a request is sent again.
_RETRANSMIT_S = 1.0

#: Idle time after which a new session is opened. BMCs close a session after
#: 60 idle seconds (IPMI 2.0, section 6.12.15), some earlier.
_MAX_IDLE_S = 25.0

_MAX_PACKET = 3000

#: Prefixes of pyghmi's messages if the BMC rejects the user, the password, Kg
#: or the privilege level. The numbers are RMCP+ status codes.
_AUTHENTICATION_ERRORS = (
    'Incorrect password',
    'Invalid RAKP4 integrity code',
    *(
        constants.rmcp_codes[status]
        for status in (0x09, 0x0A, 0x0C, 0x0D, 0x0F)
    ),
)

#: Errors raised while parsing a truncated or malformed response.
_PARSING_ERRORS = (IndexError, KeyError, ValueError, struct.error)


class CommandFailed(exception.ProtocolError):
    """The BMC returned a completion code other than success."""

    @property
    def code(self) -> int:
        """Completion code (IPMI 2.0, table 5-2)."""
        return typing.cast(int, self.values['code'])

    @property
    def is_busy(self) -> bool:
        """Whether the BMC is busy, so that the command may be supported."""
        return self.code in _BUSY

    @property
    def is_temporary(self) -> bool:
        """Whether a command that worked before may work again later."""
        return self.is_busy or self.code in _UNAVAILABLE


class _Link(simplesession.Session):
    """pyghmi session with its own socket and with timeouts.

    The constructor logs in.

    :param timeout: maximum time in seconds for the login, and for each
        response after it.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        password: str,
        kg: bytes | None,
        privilege: int | None,
        timeout: float,
    ) -> None:
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        try:
            super().__init__(
                host, user, password, port, kg, privlevel=privilege
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Log out without waiting for the response."""
        self.incommand = False
        with contextlib.suppress(OSError, pyghmi_exceptions.PyghmiException):
            self.logout()
        simplesession.Session.keepalive_sessions.pop(self, None)
        if self.socket is not None:
            self.socket.close()

    def raw_command(
        self, *args: typing.Any, **kwargs: typing.Any
    ) -> typing.Any:
        self._deadline = time.monotonic() + self._timeout
        return super().raw_command(*args, **kwargs)

    def awaitresponse(self, retry: bool) -> None:
        while retry and self.lastresponse is None and self.logged:
            self.wait_for_rsp()

    def wait_for_rsp(
        self, timeout: float | None = None, callout: bool = True
    ) -> None:
        """Handle one packet, or retransmit the request if none arrives.

        :raises TimeoutError: if the deadline has passed.
        """
        remaining_s = self._deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError
        self.socket.settimeout(min(remaining_s, _RETRANSMIT_S))
        try:
            packet, sender = self.socket.recvfrom(_MAX_PACKET)
        except TimeoutError:
            self._retransmit()
            return
        if packet[:1] == b'\x06' and packet[2:4] == b'\xff\x07':
            self._handle_ipmi_packet(bytearray(packet), sockaddr=sender)

    def _get_session_challenge(self) -> None:
        raise pyghmi_exceptions.IpmiException(
            'the BMC supports IPMI 1.5 only; IPMI 2.0 is required'
        )

    def _retransmit(self) -> None:
        # Do not retransmit between the first response and the end of the
        # login: BMCs mishandle it. The login fails and the next one works.
        if self.lastpayload and self.sessioncontext in (None, 'ESTABLISHED'):
            self.hasretried = 1
            self.send_payload()


class Session:
    """Session with one BMC.

    :param host: host name, IPv4 or IPv6 address.
    :param kg: BMC key, if one is configured: text, or hexadecimal digits
        with the prefix ``0x``.
    :param privilege: one of :data:`PRIVILEGES`; None for administrator, or
        for operator if the user does not have that level.
    :param timeout: maximum time in seconds to wait for a response.
    :ivar logins: number of logins.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        password: str,
        kg: str | None = None,
        privilege: str | None = None,
        timeout: float = 5.0,
    ) -> None:
        self.device = f'BMC {host} port {port}'
        self.logins = 0
        self._address = host, port
        self._user = user
        self._password = password
        self._kg = kg
        self._privilege = PRIVILEGES[privilege] if privilege else None
        self._timeout = timeout
        self._link: _Link | None = None
        self._last_used = 0.0

    def open(self) -> None:
        """Log in.

        :raises AuthenticationFailed: if the BMC rejects the user, the
            password, Kg or the privilege level.
        :raises DeviceUnreachable: if the BMC does not respond in time.
        :raises ProtocolError: if the response is invalid.
        """
        with self._translate_errors():
            self._resolve()
            self._link = _Link(
                *self._address,
                self._user,
                self._password,
                self._key(),
                self._privilege,
                self._timeout,
            )
        self.logins += 1
        self._last_used = time.monotonic()

    def renew(self) -> None:
        """Log in again if the session is idle; call it before a reading."""
        if time.monotonic() - self._last_used > _MAX_IDLE_S:
            self.close()
            self.open()

    def close(self) -> None:
        """Log out if a session is open."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def request(
        self, netfn: int, command: int, data: bytes = b'', lun: int = 0
    ) -> bytes:
        """Send a command and return the data of the response.

        :raises CommandFailed: if the completion code is not success.
        :raises DriverError: as :meth:`open`.
        """
        with self._translate_errors():
            response = typing.cast(_Link, self._link).raw_command(
                netfn, command, data=data, rslun=lun
            )
        self._last_used = time.monotonic()
        if response['code']:
            raise CommandFailed(
                device=self.device,
                code=response['code'],
                reason=f'{response["error"]} (completion code '
                f'{response["code"]:#04x} for netfn {netfn:#04x} '
                f'command {command:#04x})',
            )
        return bytes(response['data'])

    def _resolve(self) -> None:
        # pyghmi's own message does not mention name resolution.
        try:
            socket.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as e:
            raise exception.DeviceUnreachable(
                device=self.device, reason=f'cannot resolve the host name: {e}'
            )

    def _key(self) -> bytes | None:
        if not self._kg:
            return None
        if not self._kg.startswith('0x'):
            return self._kg.encode()
        try:
            return bytes.fromhex(self._kg[2:])
        except ValueError:
            raise exception.DriverError(
                reason='kg: expected pairs of hexadecimal digits after 0x'
            )

    @contextlib.contextmanager
    def _translate_errors(self) -> collections.abc.Iterator[None]:
        """Raise errors of pyghmi and of the socket as driver errors."""
        try:
            yield
        except TimeoutError:
            raise exception.DeviceUnreachable(
                device=self.device,
                reason=f'no response within {self._timeout:g} s',
            )
        except OSError as e:
            raise exception.DeviceUnreachable(
                device=self.device, reason=e.strerror
            )
        except pyghmi_exceptions.PyghmiException as e:
            raise self._translate(str(e))
        except _PARSING_ERRORS:
            raise exception.ProtocolError(
                device=self.device, reason='malformed response'
            )

    def _translate(self, message: str) -> exception.DriverError:
        if (
            message.startswith(_AUTHENTICATION_ERRORS)
            or 'requesting privelege' in message
        ):
            return exception.AuthenticationFailed(
                device=self.device, user=f'{self._user} ({message})'
            )
        return exception.ProtocolError(device=self.device, reason=message)
