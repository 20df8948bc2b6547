# SPDX-License-Identifier: Apache-2.0


"""The SNMP engines, and the one thread in which they all run.

An ``SnmpEngine`` of pysnmp belongs to one event loop for its whole life, and
knows one password for a user's name. So there is one loop for the process,
and one engine for every set of credentials: as a rule one in all.

Each device has a UDP socket of its own. Answers of many devices that come at
once don't overrun one receive buffer, and since pysnmp remembers a device's
engine id by its socket, a device that was replaced is met afresh when its
session is opened anew.
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

LOG = logging.getLogger(__name__)

Oid: typing.TypeAlias = tuple[int, ...]

T = typing.TypeVar('T')

#: Numbers of the message processing models (RFC 3411, section 5).
MODELS = {'1': 0, '2c': 1, '3': 3}

#: Digests of RFC 3414 and RFC 7860.
AUTH_PROTOCOLS: dict[str, Oid] = {
    'md5': config.USM_AUTH_HMAC96_MD5,
    'sha': config.USM_AUTH_HMAC96_SHA,
    'sha224': config.USM_AUTH_HMAC128_SHA224,
    'sha256': config.USM_AUTH_HMAC192_SHA256,
    'sha384': config.USM_AUTH_HMAC256_SHA384,
    'sha512': config.USM_AUTH_HMAC384_SHA512,
}

#: Ciphers of RFC 3414, RFC 3826 and draft-blumenthal-aes-usm-04. The two of
#: Cisco's stretch the key as draft-reeder-snmpv3-usm-3desede-00 does.
PRIV_PROTOCOLS: dict[str, Oid] = {
    'des': config.USM_PRIV_CBC56_DES,
    '3des': config.USM_PRIV_CBC168_3DES,
    'aes': config.USM_PRIV_CFB128_AES,
    'aes192': config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    'aes256': config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    'aes192-cisco': config.USM_PRIV_CFB192_AES,
    'aes256-cisco': config.USM_PRIV_CFB256_AES,
}

#: Domain (RFC 3417, RFC 3419) and transport of each address family.
TRANSPORTS: dict[int, tuple[Oid, type[base.DgramAsyncioProtocol]]] = {
    socket.AF_INET: (udp.DOMAIN_NAME, udp.UdpAsyncioTransport),
    socket.AF_INET6: (udp6.DOMAIN_NAME, udp6.Udp6AsyncioTransport),
}

#: Name of the credentials inside of an engine.
_CREDENTIALS = 'credentials'


@dataclasses.dataclass(frozen=True)
class Credentials:
    """Who asks; what is empty is not used.

    :ivar version: a key of :data:`MODELS`.
    :ivar community: of versions 1 and 2c.
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
        """The security level, as SNMP-FRAMEWORK-MIB calls it."""
        if not self.auth_password:
            return 'noAuthNoPriv'
        return 'authPriv' if self.priv_password else 'authNoPriv'


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request.

    :ivar problem: why there is no answer, or one that can't be used; None
        if there is one.
    :ivar status: error status of the device (RFC 3416, section 3); 0 is
        fine.
    :ivar index: which object the status is about, counted from 1.
    :ivar objects: pairs of name and value, as pysnmp has them.
    """

    problem: object
    status: int
    index: int
    objects: collections.abc.Sequence[tuple[typing.Any, typing.Any]]


class Target(typing.NamedTuple):
    """A device as its engine knows it."""

    name: str
    domain: Oid


class Engine:
    """One SNMP engine. Everything of it happens in the loop's thread."""

    _numbers = itertools.count(1)

    def __init__(self, credentials: Credentials) -> None:
        self._engine = engine.SnmpEngine()
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
        """Make a device known.

        :param family: ``socket.AF_INET`` or ``AF_INET6``.
        :param address: its IP address, its UDP port, and whatever else
            ``socket.getaddrinfo`` gives.
        :param timeout: how long to wait for an answer, in seconds.
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
        """Forget a device and close its socket."""
        config.delete_target_address(self._engine, target.name)
        transport = config.delete_transport(self._engine, target.domain)
        if transport is not None:
            transport.close_transport()

    async def ask(
        self,
        target: Target,
        context: str,
        oids: collections.abc.Sequence[Oid],
        repetitions: int | None,
    ) -> Answer:
        """Send one request and wait for what comes of it.

        :param context: name of the context, of version 3.
        :param repetitions: how many objects after each of ``oids`` to give;
            None for the objects themselves. More than one can't be asked of
            version 1.
        """
        objects = [(v2c.ObjectIdentifier(oid), v2c.null) for oid in oids]
        answered = asyncio.get_running_loop().create_future()
        sizes: tuple[int, ...] = ()
        if repetitions is None:
            generator = self._get
        elif repetitions == 1:
            generator = self._next
        else:
            generator, sizes = self._bulk, (0, repetitions)
        generator.send_varbinds(
            self._engine,
            target.name,
            None,
            context,
            *sizes,
            objects,
            _resolve,
            answered,
        )
        return await answered


def _resolve(
    _engine: object,
    _handle: object,
    problem: object,
    status: typing.Any,
    index: typing.Any,
    objects: typing.Any,
    answered: 'asyncio.Future[Answer]',
) -> None:
    if not answered.done():
        answered.set_result(Answer(problem, int(status), int(index), objects))


_lock = threading.Lock()

#: Belongs to the loop's thread.
_engines: dict[Credentials, Engine] = {}


def _log(_loop: object, context: dict[str, typing.Any]) -> None:
    """Log what pysnmp stumbles over, as it does over what isn't SNMP.

    Whoever waited for something better hears of it in due time.
    """
    LOG.debug('%s: %s', context.get('message'), context.get('exception'))


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_log)
    threading.Thread(target=loop.run_forever, name='snmp', daemon=True).start()
    return loop


def run(
    coroutine: collections.abc.Coroutine[typing.Any, typing.Any, T],
    timeout: float,
) -> T:
    """Run something in the loop's thread and give what it returns.

    :param timeout: seconds.
    :raises TimeoutError: it took longer, and was cancelled.
    """
    with _lock:
        loop = _loop()
    running = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return running.result(timeout)
    except TimeoutError:
        running.cancel()
        raise


async def find(credentials: Credentials) -> Engine:
    """Give the engine of these credentials."""
    if credentials not in _engines:
        _engines[credentials] = Engine(credentials)
    return _engines[credentials]
