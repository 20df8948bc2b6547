# SPDX-License-Identifier: Apache-2.0

"""One session with one BMC, over RMCP+.

pyghmi's ordinary sessions share sockets, a thread and tables of sessions
among all BMCs of a process. In a service that runs for months this means
that a BMC which was lost is never found again, that reading a lost one
blocks for half a minute, that an answer which overtakes its reader waits for
a second, and that nothing works above file descriptor 1023. Its *simple*
session shares nothing, but waits for ever and never asks twice. What it
lacks, deadlines and repetition, is added here.
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

#: Completion codes of a BMC that has no time now, or is just starting.
_BUSY = frozenset({0xC0, 0xD0, 0xD1, 0xD2})

#: Completion codes that may just as well mean "not in this state of the
#: machine" and "never".
_NOT_NOW = frozenset({0xC3, 0xCE, 0xD5})

#: Seconds after which a request is sent again.
_REPEAT = 1.0

#: A BMC forgets a session that was idle for a minute (IPMI 2.0, 6.12.15);
#: some do so earlier. After this many seconds a new one is opened.
_IDLE = 25.0

_MAX_PACKET = 3000

#: How pyghmi begins its texts where the BMC does not accept the user, the
#: password, Kg or the privilege level. The numbers are RMCP+ status codes.
_REFUSALS = (
    'Incorrect password',
    'Invalid RAKP4 integrity code',
    *(
        constants.rmcp_codes[status]
        for status in (0x09, 0x0A, 0x0C, 0x0D, 0x0F)
    ),
)

#: What parsing raises on answers that are too short or make no sense.
_NONSENSE = (IndexError, KeyError, ValueError, struct.error)


class CommandRefused(exception.ProtocolError):
    """The BMC answered with a completion code other than success."""

    @property
    def code(self) -> int:
        """The completion code (IPMI 2.0, table 5-2)."""
        return typing.cast(int, self.values['code'])

    @property
    def busy(self) -> bool:
        """It tells nothing about what the BMC can do."""
        return self.code in _BUSY

    @property
    def passing(self) -> bool:
        """A command that worked before may work again later."""
        return self.busy or self.code in _NOT_NOW


class _Link(simplesession.Session):
    """A session of pyghmi's on a socket of its own, with deadlines.

    The constructor logs in.

    :param timeout: seconds for the login, and for each answer after it.
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
        """Log out without waiting for an answer."""
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
        """Take one packet, or ask once more.

        :raises TimeoutError: the deadline has passed.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(min(left, _REPEAT))
        try:
            packet, sender = self.socket.recvfrom(_MAX_PACKET)
        except TimeoutError:
            self._ask_again()
            return
        if packet[:1] == b'\x06' and packet[2:4] == b'\xff\x07':
            self._handle_ipmi_packet(bytearray(packet), sockaddr=sender)

    def _get_session_challenge(self) -> None:
        raise pyghmi_exceptions.IpmiException(
            'it speaks IPMI 1.5 only; IPMI 2.0 is needed'
        )

    def _ask_again(self) -> None:
        # Between the first answer and the end of the login a repetition
        # would confuse the BMC: the login fails, and the next one works.
        if self.lastpayload and self.sessioncontext in (None, 'ESTABLISHED'):
            self.hasretried = 1
            self.send_payload()


class Session:
    """A session with one BMC.

    :param host: name or address, IPv4 or IPv6.
    :param kg: the BMC's key, where it has one; as text, or as hexadecimal
        digits after ``0x``.
    :param privilege: one of :data:`PRIVILEGES`; None for administrator, or
        operator where the user has no more.
    :param timeout: seconds in which the BMC must answer.
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
        self._address = host, port
        self._user = user
        self._password = password
        self._kg = kg
        self._privilege = PRIVILEGES[privilege] if privilege else None
        self._timeout = timeout
        self._link: _Link | None = None
        self._used = 0.0

    def open(self) -> None:
        """Log in.

        :raises AuthenticationFailed: the BMC refuses the user, the
            password, Kg or the privilege level.
        :raises DeviceUnreachable: it does not answer in time.
        :raises ProtocolError: it answers something else.
        """
        with self._errors():
            self._resolve()
            self._link = _Link(
                *self._address,
                self._user,
                self._password,
                self._key(),
                self._privilege,
                self._timeout,
            )
        self._used = time.monotonic()

    def close(self) -> None:
        """Log out; nothing happens if there is no session."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def request(
        self, netfn: int, command: int, data: bytes = b'', lun: int = 0
    ) -> bytes:
        """Send a command and give the data of the answer.

        :raises CommandRefused: the BMC answers with a completion code.
        :raises DriverError: as :meth:`open`.
        """
        if time.monotonic() - self._used > _IDLE:
            self.close()
            self.open()
        with self._errors():
            answer = typing.cast(_Link, self._link).raw_command(
                netfn, command, data=data, rslun=lun
            )
        self._used = time.monotonic()
        if answer['code']:
            raise CommandRefused(
                device=self.device,
                code=answer['code'],
                reason=f'{answer["error"]} (completion code '
                f'{answer["code"]:#04x} to netfn {netfn:#04x} '
                f'command {command:#04x})',
            )
        return bytes(answer['data'])

    def _resolve(self) -> None:
        # pyghmi's own text would not tell that the name is the trouble.
        try:
            socket.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as e:
            raise exception.DeviceUnreachable(
                device=self.device, reason=f'its name is not resolved: {e}'
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
                reason='kg begins with 0x, but other than pairs of '
                'hexadecimal digits follow'
            )

    @contextlib.contextmanager
    def _errors(self) -> collections.abc.Iterator[None]:
        """Say what went wrong in the words of this project."""
        try:
            yield
        except TimeoutError:
            raise exception.DeviceUnreachable(
                device=self.device,
                reason=f'nothing within {self._timeout:g} s',
            )
        except OSError as e:
            raise exception.DeviceUnreachable(
                device=self.device, reason=e.strerror
            )
        except pyghmi_exceptions.PyghmiException as e:
            raise self._translated(str(e))
        except _NONSENSE:
            raise exception.ProtocolError(
                device=self.device, reason='its answer makes no sense'
            )

    def _translated(self, text: str) -> exception.DriverError:
        if text.startswith(_REFUSALS) or 'requesting privelege' in text:
            return exception.AuthenticationFailed(
                device=self.device, user=f'{self._user} ({text})'
            )
        return exception.ProtocolError(device=self.device, reason=text)
