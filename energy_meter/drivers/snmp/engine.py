# SPDX-License-Identifier: Apache-2.0

"""SNMP engines, and the thread that runs them.

A pysnmp ``SnmpEngine`` is bound to one event loop for its lifetime, and has
one password for each user name. Therefore the process has one event loop, and
one engine for each set of credentials, typically one.

Each device has its own UDP socket. Thus simultaneous responses of many
devices do not overflow a shared receive buffer. pysnmp caches a device's
engine ID by socket, so a replaced device is detected when its session is
opened again.
"""

import asyncio
import collections.abc
import dataclasses
import functools
import itertools
import socket
import threading
import typing

from oslo_log import log as logging
from pysnmp.carrier.asyncio import dispatch
from pysnmp.carrier.asyncio.dgram import base
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.carrier.asyncio.dgram import udp6
from pysnmp.entity import config
from pysnmp.entity import engine
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.proto.api import v2c

from energy_meter.drivers.snmp import boots

LOG = logging.getLogger(__name__)

Oid: typing.TypeAlias = tuple[int, ...]

T = typing.TypeVar('T')

#: Numbers of the message processing models (RFC 3411, section 5).
MODELS = {'1': 0, '2c': 1, '3': 3}

#: Authentication protocols (RFC 3414, RFC 7860).
AUTH_PROTOCOLS: dict[str, Oid] = {
    'md5': config.USM_AUTH_HMAC96_MD5,
    'sha': config.USM_AUTH_HMAC96_SHA,
    'sha224': config.USM_AUTH_HMAC128_SHA224,
    'sha256': config.USM_AUTH_HMAC192_SHA256,
    'sha384': config.USM_AUTH_HMAC256_SHA384,
    'sha512': config.USM_AUTH_HMAC384_SHA512,
}

#: Privacy protocols (RFC 3414, RFC 3826, draft-blumenthal-aes-usm-04). The
#: Cisco variants extend keys as in draft-reeder-snmpv3-usm-3desede-00.
PRIV_PROTOCOLS: dict[str, Oid] = {
    'des': config.USM_PRIV_CBC56_DES,
    '3des': config.USM_PRIV_CBC168_3DES,
    'aes': config.USM_PRIV_CFB128_AES,
    'aes192': config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    'aes256': config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    'aes192-cisco': config.USM_PRIV_CFB192_AES,
    'aes256-cisco': config.USM_PRIV_CFB256_AES,
}

#: Transport domain (RFC 3417, RFC 3419) and class of each address family.
TRANSPORTS: dict[int, tuple[Oid, type[base.DgramAsyncioProtocol]]] = {
    socket.AF_INET: (udp.DOMAIN_NAME, udp.UdpAsyncioTransport),
    socket.AF_INET6: (udp6.DOMAIN_NAME, udp6.Udp6AsyncioTransport),
}

#: Name of the credentials in an engine's configuration.
_CREDENTIALS = 'credentials'


@dataclasses.dataclass(frozen=True)
class Credentials:
    """SNMP credentials; empty fields are not used.

    :ivar version: a key of :data:`MODELS`.
    :ivar community: community of versions 1 and 2c.
    :ivar auth_protocol: a key of :data:`AUTH_PROTOCOLS`.
    :ivar priv_protocol: a key of :data:`PRIV_PROTOCOLS`.
    """

    version: str
    community: str = dataclasses.field(default='', repr=False)
    user: str = ''
    auth_protocol: str = ''
    auth_password: str = dataclasses.field(default='', repr=False)
    priv_protocol: str = ''
    priv_password: str = dataclasses.field(default='', repr=False)

    @property
    def level(self) -> str:
        """Security level, as named by SNMP-FRAMEWORK-MIB."""
        if not self.auth_password:
            return 'noAuthNoPriv'
        return 'authPriv' if self.priv_password else 'authNoPriv'


@dataclasses.dataclass(frozen=True, slots=True)
class Response:
    """Result of one request.

    :ivar error: pysnmp's error indication if there is no valid response.
    :ivar status: error status of the device (RFC 3416, section 3); 0 for
        success.
    :ivar index: number of the object with this status, from 1.
    :ivar varbinds: variable bindings: pairs of name and value, as pysnmp's
        types.
    """

    error: object
    status: int
    index: int
    varbinds: collections.abc.Sequence[tuple[typing.Any, typing.Any]]


class Target(typing.NamedTuple):
    """Identifiers of a device in its engine."""

    name: str
    domain: Oid


class Engine:
    """One SNMP engine. All methods run in the event loop's thread."""

    _numbers = itertools.count(1)

    def __init__(self, credentials: Credentials) -> None:
        self._engine = engine.SnmpEngine()
        self.boots = boots.Boots(self._engine)
        self._engine.register_transport_dispatcher(
            dispatch.AsyncioDispatcher()
        )
        self._get = cmdgen.GetCommandGenerator()
        self._next = cmdgen.NextCommandGeneratorSingleRun()
        self._bulk = cmdgen.BulkCommandGeneratorSingleRun()
        if credentials.version == '3':
            self._add_user(credentials)
        else:
            config.add_v1_system(
                self._engine, _CREDENTIALS, credentials.community
            )
        config.add_target_parameters(
            self._engine,
            _CREDENTIALS,
            credentials.user or _CREDENTIALS,
            credentials.level,
            MODELS[credentials.version],
        )

    def _add_user(self, credentials: Credentials) -> None:
        level = credentials.level
        auth: dict[str, object] = {}
        if level != 'noAuthNoPriv':
            auth = {
                'authProtocol': AUTH_PROTOCOLS[credentials.auth_protocol],
                'authKey': credentials.auth_password,
            }
        if level == 'authPriv':
            auth |= {
                'privProtocol': PRIV_PROTOCOLS[credentials.priv_protocol],
                'privKey': credentials.priv_password,
            }
        config.add_v3_user(self._engine, credentials.user, **auth)

    async def connect(
        self, family: int, address: tuple[typing.Any, ...], timeout: float
    ) -> Target:
        """Open a socket for a device.

        :param family: ``socket.AF_INET`` or ``AF_INET6``.
        :param address: socket address from ``socket.getaddrinfo``.
        :param timeout: maximum time in seconds to wait for a response.
        """
        domain, transport = TRANSPORTS[family]
        number = next(self._numbers)
        target = Target(f'device-{number}', (*domain, number))
        config.add_transport(
            self._engine, target.domain, transport().open_client_mode()
        )
        config.add_target_address(
            self._engine,
            target.name,
            target.domain,
            address[:2],
            _CREDENTIALS,
            timeout * 100,
            retryCount=0,
        )
        return target

    async def disconnect(self, target: Target) -> None:
        """Remove a device and close its socket."""
        config.delete_target_address(self._engine, target.name)
        self.boots.discard(target.domain)
        transport = config.delete_transport(self._engine, target.domain)
        if transport is not None:
            transport.close_transport()

    async def request(
        self,
        target: Target,
        context: str,
        oids: collections.abc.Sequence[Oid],
        repetitions: int | None,
        scalars: int = 0,
    ) -> Response:
        """Send one request and wait for the response.

        :param context: context name, for version 3.
        :param repetitions: number of objects to return after each of
            ``oids``; None for the objects themselves. Version 1 supports at
            most 1.
        :param scalars: number of leading ``oids`` that are not repeated.
        """
        varbinds = [(v2c.ObjectIdentifier(oid), v2c.null) for oid in oids]
        future: asyncio.Future[Response]
        future = asyncio.get_running_loop().create_future()
        sizes: tuple[int, ...] = ()
        if repetitions is None:
            generator = self._get
        elif repetitions == 1:
            generator = self._next
        else:
            generator, sizes = self._bulk, (scalars, repetitions)
        generator.send_varbinds(
            self._engine,
            target.name,
            None,
            context,
            *sizes,
            varbinds,
            _set_response,
            future,
        )
        return await future


def _set_response(
    _engine: object,
    _handle: object,
    error: object,
    status: typing.Any,
    index: typing.Any,
    varbinds: typing.Any,
    future: 'asyncio.Future[Response]',
) -> None:
    if not future.done():
        future.set_result(Response(error, int(status), int(index), varbinds))


_lock = threading.Lock()

#: Accessed only in the event loop's thread.
_engines: dict[Credentials, Engine] = {}


def _log_exception(_loop: object, context: dict[str, typing.Any]) -> None:
    """Log an exception in pysnmp, after which the request times out."""
    LOG.debug('%s: %s', context.get('message'), context.get('exception'))


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_log_exception)
    threading.Thread(target=loop.run_forever, name='snmp', daemon=True).start()
    return loop


def run(
    coroutine: collections.abc.Coroutine[typing.Any, typing.Any, T],
    timeout: float,
) -> T:
    """Run a coroutine in the event loop's thread and return its result.

    :param timeout: maximum time in seconds.
    :raises TimeoutError: if the coroutine took longer and was canceled.
    """
    with _lock:
        loop = _loop()
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return future.result(timeout)
    except TimeoutError:
        future.cancel()
        raise


async def get_engine(credentials: Credentials) -> Engine:
    """Return the engine of these credentials."""
    if credentials not in _engines:
        _engines[credentials] = Engine(credentials)
    return _engines[credentials]
