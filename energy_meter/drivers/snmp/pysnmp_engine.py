# SPDX-License-Identifier: Apache-2.0

"""Engine of pysnmp, and the thread that runs it.

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
from pysnmp.entity import engine as pysnmp
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.proto import errind
from pysnmp.proto import error
from pysnmp.proto.api import v2c

from energy_meter.drivers.snmp import boots
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import objects

LOG = logging.getLogger(__name__)

T = typing.TypeVar('T')

#: Transport domain (RFC 3417, RFC 3419) and class of each address family.
TRANSPORTS: dict[int, tuple[engine.Oid, type[base.DgramAsyncioProtocol]]] = {
    socket.AF_INET: (udp.DOMAIN_NAME, udp.UdpAsyncioTransport),
    socket.AF_INET6: (udp6.DOMAIN_NAME, udp6.Udp6AsyncioTransport),
}

#: Maximum time of an operation in the engine thread without network I/O.
ENGINE_TIMEOUT_S = 30.0

#: Name of the credentials in an engine's configuration.
_CREDENTIALS = 'credentials'


class Target(typing.NamedTuple):
    """Identifiers of a device in its engine."""

    name: str
    domain: engine.Oid


class Engine:
    """One SNMP engine. All methods run in the event loop's thread."""

    _numbers = itertools.count(1)

    def __init__(self, credentials: engine.Credentials) -> None:
        self._engine = pysnmp.SnmpEngine()
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
            engine.MODELS[credentials.version],
        )

    def _add_user(self, credentials: engine.Credentials) -> None:
        level = credentials.level
        auth: dict[str, object] = {}
        if level != 'noAuthNoPriv':
            auth = {
                'authProtocol': engine.AUTH_PROTOCOLS[
                    credentials.auth_protocol
                ],
                'authKey': credentials.auth_password,
            }
        if level == 'authPriv':
            auth |= {
                'privProtocol': engine.PRIV_PROTOCOLS[
                    credentials.priv_protocol
                ],
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
        oids: collections.abc.Sequence[engine.Oid],
        repetitions: int | None,
        scalars: int = 0,
    ) -> engine.Response:
        """Send one request and wait for the response.

        :param context: context name, for version 3.

        The others are those of :meth:`engine.Connection.request`.
        """
        varbinds = [(v2c.ObjectIdentifier(oid), v2c.null) for oid in oids]
        future: asyncio.Future[engine.Response]
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
    future: 'asyncio.Future[engine.Response]',
) -> None:
    if not future.done():
        future.set_result(
            engine.Response(
                error, int(status), int(index), objects.decode(varbinds)
            )
        )


_lock = threading.Lock()

#: Accessed only in the event loop's thread.
_engines: dict[engine.Credentials, Engine] = {}


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


async def get_engine(credentials: engine.Credentials) -> Engine:
    """Return the engine of these credentials."""
    if credentials not in _engines:
        _engines[credentials] = Engine(credentials)
    return _engines[credentials]


class Connection:
    """Connection with one device.

    :param context: context name, for version 3.
    :param timeout: maximum time in seconds to wait for each response.
    """

    def __init__(
        self, snmp_engine: Engine, target: Target, context: str, timeout: float
    ) -> None:
        self._engine = snmp_engine
        self._target = target
        self._context = context
        self._timeout = timeout

    @property
    def boots(self) -> int | None:
        """Number of starts of the device; None if it is unknown."""
        return self._engine.boots.get(self._target.domain)

    def request(
        self,
        oids: collections.abc.Sequence[engine.Oid],
        repetitions: int | None,
        scalars: int = 0,
    ) -> engine.Response:
        """See :meth:`engine.Connection.request`."""
        request = self._engine.request(
            self._target, self._context, oids, repetitions, scalars
        )
        try:
            # Version 3 may need two more requests, to discover the engine ID
            # and to synchronize the time.
            return run(request, 3 * self._timeout + 1)
        except TimeoutError:
            return engine.Response(errind.requestTimedOut, 0, 0, ())
        except error.PySnmpError as e:
            return engine.Response(e, 0, 0, ())

    def close(self) -> None:
        """Close the socket."""
        run(self._engine.disconnect(self._target), ENGINE_TIMEOUT_S)


def connect(
    credentials: engine.Credentials,
    family: int,
    address: tuple[typing.Any, ...],
    context: str,
    timeout: float,
) -> Connection:
    """Open a connection; see :data:`engine.Connect`."""
    snmp_engine = run(get_engine(credentials), ENGINE_TIMEOUT_S)
    target = run(
        snmp_engine.connect(family, address, timeout), ENGINE_TIMEOUT_S
    )
    return Connection(snmp_engine, target, context, timeout)
