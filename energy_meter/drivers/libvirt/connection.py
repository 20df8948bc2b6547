# SPDX-License-Identifier: Apache-2.0

"""Connection to libvirt, and its domains.

Sources: libvirt's reference of libvirt-domain and libvirt-event. A read-only
connection is enough, and needs no authentication by default. A call has no
timeout of its own: the connection is closed, and with it each call ends, when
libvirtd stops to answer the keepalive messages.
"""

import collections
import collections.abc
import contextlib
import functools
import math
import threading
import typing

from energy_meter import exception
from energy_meter.drivers.libvirt import identity

try:
    import libvirt
except ImportError:
    libvirt = None

#: Unanswered keepalive messages after which the connection is closed.
_KEEPALIVES = 2

T = typing.TypeVar('T')

#: Held while the event loop starts: two drivers may be opened at a time.
_EVENTS_LOCK = threading.Lock()


class Domain:
    """A domain as libvirt listed it.

    :ivar id: its number, another one after each start; None if it is inactive.
    """

    def __init__(self, uri: str, handle: typing.Any) -> None:
        number = handle.ID()
        self.uuid: str = handle.UUIDString()
        self.id: int | None = None if number < 0 else number
        self._uri = uri
        self._handle = handle

    def metadata(self) -> str | None:
        """Return the metadata of Nova as XML; None if the domain has none.

        :raises DeviceUnreachable: if libvirt does not answer, as do the
            other methods.
        """
        text: str | None = _call(
            self._uri,
            lambda: self._handle.metadata(
                libvirt.VIR_DOMAIN_METADATA_ELEMENT, identity.NAMESPACE
            ),
            libvirt.VIR_ERR_NO_DOMAIN_METADATA,
            libvirt.VIR_ERR_NO_DOMAIN,
        )
        return text

    def description(self) -> str | None:
        """Return its XML; None if it has been deleted."""
        text: str | None = _call(
            self._uri, self._handle.XMLDesc, libvirt.VIR_ERR_NO_DOMAIN
        )
        return text

    def is_starting(self) -> bool:
        """Return whether the domain may have no process yet."""
        state: list[int] | None = _call(
            self._uri, self._handle.state, libvirt.VIR_ERR_NO_DOMAIN
        )
        return state == [
            libvirt.VIR_DOMAIN_PAUSED,
            libvirt.VIR_DOMAIN_PAUSED_STARTING_UP,
        ]

    def cpu_time(self) -> int | None:
        """Return the CPU time of its process in ms; None if it is inactive."""
        info: list[int] | None = _call(
            self._uri,
            self._handle.info,
            libvirt.VIR_ERR_NO_DOMAIN,
            libvirt.VIR_ERR_OPERATION_INVALID,
        )
        if info is None or info[0] == libvirt.VIR_DOMAIN_SHUTOFF:
            return None
        return info[4] // 1_000_000


class Connection:
    """Connection to libvirt that notes which domains change.

    :param timeout: seconds after which a libvirtd that does not answer is
        considered dead.
    """

    def __init__(self, uri: str, timeout: int) -> None:
        self._uri = uri
        self._timeout = timeout
        self._handle: typing.Any = None
        self._callbacks: list[int] = []
        # The thread of events appends, that of the driver removes.
        self._changes: collections.deque[str] = collections.deque()

    def open(self) -> None:
        """Connect, and register for events.

        :raises DriverError: if that is impossible.
        """
        if libvirt is None:
            raise exception.DriverError(
                'the Python package libvirt-python is missing: install '
                'energy_meter[libvirt]'
            )
        with _EVENTS_LOCK:
            _start_events()
        _call(self._uri, self._connect)

    def is_alive(self) -> bool:
        """Return whether the connection has not been closed meanwhile."""
        return bool(_call(self._uri, self._handle.isAlive))

    def changes(self) -> set[str]:
        """Return the UUIDs of the domains that changed since the last call."""
        changes = set()
        while self._changes:
            changes.add(self._changes.popleft())
        return changes

    def domains(self) -> list[Domain]:
        """List all domains.

        :raises DeviceUnreachable: if libvirt does not answer.
        """
        handles = _call(self._uri, self._handle.listAllDomains)
        return [Domain(self._uri, handle) for handle in handles or ()]

    def close(self) -> None:
        """Disconnect, even if :meth:`open` failed or never ran."""
        handle, self._handle = self._handle, None
        callbacks, self._callbacks = self._callbacks, []
        if handle is None:
            return
        # If libvirt has closed the connection, these fail and the connection
        # is released all the same.
        for callback in callbacks:
            with contextlib.suppress(libvirt.libvirtError):
                handle.domainEventDeregisterAny(callback)
        with contextlib.suppress(libvirt.libvirtError):
            handle.close()

    def _connect(self) -> None:
        self._handle = handle = libvirt.openReadOnly(self._uri)
        handle.setKeepAlive(
            math.ceil(self._timeout / (_KEEPALIVES + 1)), _KEEPALIVES
        )
        for event in (
            libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
            libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
            libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
            libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
        ):
            self._callbacks.append(
                handle.domainEventRegisterAny(
                    None, event, self._on_event, None
                )
            )

    def _on_event(
        self, _: object, domain: typing.Any, *details: object
    ) -> None:
        self._changes.append(domain.UUIDString())


def _call(
    uri: str, function: collections.abc.Callable[[], T], *missing: int
) -> T | None:
    """Call a function of libvirt.

    :param missing: errors for which to return None.
    """
    try:
        return function()
    except libvirt.libvirtError as e:
        if e.get_error_code() in missing:
            return None
        raise exception.DeviceUnreachable(
            device=f'libvirt at {uri}', reason=e.get_error_message() or e
        )


@functools.cache
def _start_events() -> None:
    """Run libvirt's event loop, which a process can have only once.

    It must exist before the first connection is opened.
    """
    # libvirt prints each error that it raises otherwise.
    libvirt.registerErrorHandler(lambda *_: None, None)
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(
        target=_run_events, name='libvirt events', daemon=True
    ).start()


def _run_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()
