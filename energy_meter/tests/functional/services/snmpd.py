# SPDX-License-Identifier: Apache-2.0

"""Simulated SNMP devices: net-snmp's snmpd with arbitrary objects."""

import collections.abc
import os
import socket
import threading
import typing

import fixtures

from energy_meter.tests.functional.services import base

#: Passwords of the users of version 3.
AUTH_PASSWORD = 'auth-s3cret'
PRIV_PASSWORD = 'priv-s3cret'

#: Communities with read and write access, for versions 1 and 2c.
READ_COMMUNITY = 'r3ad'
WRITE_COMMUNITY = 'wr1te'

#: Authentication and privacy protocol of each user.
USERS = {
    'noauth': ('', ''),
    'md5': ('MD5', ''),
    'sha': ('SHA', ''),
    'sha224': ('SHA-224', ''),
    'sha256': ('SHA-256', ''),
    'sha384': ('SHA-384', ''),
    'sha512': ('SHA-512', ''),
    'md5-des': ('MD5', 'DES'),
    'sha-aes': ('SHA', 'AES'),
    'sha256-aes256': ('SHA-256', 'AES-256'),
    'sha512-aes192': ('SHA-512', 'AES-192'),
}


#: Name of each type in the configuration, by its letter for snmpset.
TYPES = {'i': 'integer', 'u': 'uinteger', 't': 'timeticks', 's': 'octet_str'}


class Gauge(int):
    """Number with the type Gauge32, which is identical to Unsigned32."""


class TimeTicks(int):
    """Number of hundredths of a second."""


Value: typing.TypeAlias = int | str | Gauge | TimeTicks


class Snmpd(base.Process):
    """Device on the address and ::1.

    :param objects: values by object identifier. Changes take effect at the
        next start.
    :param settings: additional configuration lines.
    :param auth_password: authentication password of the users.
    :param address: IPv4 address of the loopback interface.
    """

    def __init__(
        self,
        objects: collections.abc.Mapping[str, Value],
        *settings: str,
        auth_password: str = AUTH_PASSWORD,
        address: str = '127.0.0.1',
    ) -> None:
        self.port = base.free_port()
        self.address = address
        self.objects = dict(objects)
        self._settings = settings
        self._auth_password = auth_password
        self._identity = 0
        super().__init__(
            ['snmpd', '-f', '-Lo', '-I', '-smux'], ready=self._is_ready
        )

    def prepare(self) -> None:
        base.require('snmpget', 'snmpset')
        self.argv += ['-c', os.fspath(self.directory / 'snmpd.conf')]

    def start(self) -> None:
        """Start with the present :attr:`objects`."""
        persistent = self.directory / f'persistent-{self._identity}'
        persistent.mkdir(exist_ok=True)
        self.env |= {
            'SNMP_PERSISTENT_DIR': os.fspath(persistent),
            'SNMPCONFPATH': os.fspath(persistent),
            'MIBS': '',
        }
        (self.directory / 'snmpd.conf').write_text(
            '\n'.join(self._configuration()) + '\n'
        )
        super().start()

    def restart(self) -> None:
        """Restart the device."""
        self.stop()
        self.start()

    def replace(self) -> None:
        """Replace the device by one with another engine ID."""
        self._identity += 1
        self.restart()

    def set(self, oid: str, value: Value) -> None:
        """Set the value of an object of the running device."""
        self._run(
            'snmpset', WRITE_COMMUNITY, oid, _type_letter(value), str(value)
        )
        self.objects[oid] = value

    def _configuration(self) -> collections.abc.Iterator[str]:
        yield (
            f'agentAddress udp:{self.address}:{self.port},'
            f'udp6:[::1]:{self.port}'
        )
        for option in ('rocommunity', 'rocommunity6'):
            yield f'{option} {READ_COMMUNITY}'
        yield f'rwcommunity {WRITE_COMMUNITY}'
        for user, (digest, cipher) in USERS.items():
            yield ' '.join(
                filter(
                    None,
                    (
                        'createUser',
                        user,
                        digest,
                        digest and self._auth_password,
                        cipher,
                        cipher and PRIV_PASSWORD,
                    ),
                )
            )
            yield f'rouser {user} ' + (
                'priv' if cipher else 'auth' if digest else 'noauth'
            )
        yield from self._settings
        for oid, value in self.objects.items():
            type_ = TYPES[_type_letter(value)]
            text = f'"{value}"' if isinstance(value, str) else value
            yield f'override -rw .{oid} {type_} {text}'

    def _is_ready(self) -> bool:
        try:
            self._run('snmpget', READ_COMMUNITY, '1.3.6.1.2.1.1.3.0')
        except AssertionError:
            return False
        return True

    def _run(self, program: str, community: str, *args: str) -> None:
        base.run(
            [
                program,
                '-v2c',
                '-c',
                community,
                '-t0.2',
                '-r20',
                f'{self.address}:{self.port}',
                *args,
            ],
            env={'MIBS': '', 'SNMPCONFPATH': os.devnull},
        )


def _type_letter(value: Value) -> str:
    """Return the letter of a value's type for snmpset."""
    if isinstance(value, Gauge):
        return 'u'
    if isinstance(value, TimeTicks):
        return 't'
    return 's' if isinstance(value, str) else 'i'


class Relay(fixtures.Fixture):
    """UDP relay between a device and its clients.

    :param port: port of the device.
    :ivar max_bytes: maximum size of responses; longer ones are dropped.
    :ivar noise: packet to send before each response.
    :ivar forged: bytes to replace in responses, and the replacement.
    :ivar requests: number of requests relayed.
    :ivar response_bytes: size of all responses relayed.
    :ivar response: the last response relayed.
    """

    def __init__(self, port: int) -> None:
        super().__init__()
        self.max_bytes = 65_536
        self.noise = self.response = b''
        self.forged = (b'', b'')
        self.requests = self.response_bytes = 0
        self._device = ('127.0.0.1', port)

    def _setUp(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(('127.0.0.1', 0))
        self.port = self._socket.getsockname()[1]
        thread = threading.Thread(target=self._forward, daemon=True)
        thread.start()
        self.addCleanup(self._socket.close)
        self.addCleanup(thread.join)
        self.addCleanup(self._socket.sendto, b'', ('127.0.0.1', self.port))

    def _forward(self) -> None:
        client = None
        while True:
            message, sender = self._socket.recvfrom(65_536)
            if not message:
                return
            if sender != self._device:
                client = sender
                self.requests += 1
                self._socket.sendto(message, self._device)
            elif client is not None and len(message) <= self.max_bytes:
                self.response_bytes += len(message)
                self.response = message
                if self.noise:
                    self._socket.sendto(self.noise, client)
                self._socket.sendto(message.replace(*self.forged), client)
