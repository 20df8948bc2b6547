# SPDX-License-Identifier: Apache-2.0

"""Nova's instances on a host, and the sources of their CPU time."""

import collections.abc
import logging
import typing

from energy_meter import cpu_usage
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter.drivers.libvirt import connection
from energy_meter.drivers.libvirt import cpu_time
from energy_meter.drivers.libvirt import identity
from energy_meter.drivers.libvirt import passthrough

LOG = logging.getLogger(__name__)

#: Maximum number of instances and devices in a message.
MAX_INSTANCES = 750

#: CPU time of an instance without a process.
_NO_PROCESS = ('', 0)


class Guest(typing.NamedTuple):
    """A domain.

    :ivar id: of the domain, as its source was chosen; None if it had no
        process.
    :ivar instance: None if the domain is not Nova's.
    :ivar source: None if the domain is inactive or cannot be read.
    :ivar devices: PCI devices of the host that the domain has.
    """

    id: int | None
    instance: cpu_usage.Instance | None
    source: cpu_time.Source | None
    devices: frozenset[passthrough.Address] = frozenset()


class Instances:
    """Instances of a host, as libvirt listed them.

    :param cpu_source: preferred source of their CPU time.
    :param probes: devices of the host that can be passed through, by the ID
        of the probe that measures it.
    :ivar all: in order of their UUIDs.
    :ivar devices: these devices, and which instances have them.
    """

    def __init__(
        self,
        cpu_source: str,
        probes: collections.abc.Mapping[str, passthrough.Address],
    ) -> None:
        self.all: tuple[cpu_usage.Instance, ...] = ()
        self.devices: tuple[cpu_usage.Device, ...] = ()
        self._probes = probes
        self._cpu_source = cpu_source
        self._guests: dict[str, Guest] = {}
        self._sources: list[cpu_time.Source | None] = []
        self._throttled_log = log_throttle.ThrottledLogger(LOG)

    def refresh(
        self,
        domains: collections.abc.Iterable[connection.Domain],
        changed: collections.abc.Container[str],
    ) -> None:
        """Read the identities of new and changed domains.

        :param domains: all domains of the host.
        :param changed: UUIDs of those that may have another identity.
        :raises DriverError: if libvirt does not answer, or there are too many
            instances.
        """
        found = {domain.uuid: domain for domain in domains}
        guests = {
            uuid: self._guest(domain, uuid in changed)
            for uuid, domain in found.items()
        }
        sourceless = [
            uuid
            for uuid, guest in guests.items()
            if guest.instance and guest.id is not None and not guest.source
        ]
        processes = (
            {}
            if self._cpu_source == 'info'
            else cpu_time.find_processes(sourceless)
        )
        for uuid in sourceless:
            source = cpu_time.choose(
                self._cpu_source, found[uuid], processes.get(uuid)
            )
            guests[uuid] = guests[uuid]._replace(source=source)
            self._report(uuid, source)
        self._guests = guests
        self._select()

    def counters(self) -> tuple[tuple[str, int], ...]:
        """Return the process and the CPU time in ms of each instance.

        :raises DriverError: if one cannot be read.
        """
        return tuple(map(_read, self._sources))

    def _guest(self, domain: connection.Domain, has_changed: bool) -> Guest:
        """Return a domain as it is known, or as libvirt describes it now."""
        known = self._guests.get(domain.uuid)
        is_same = known is not None and known.id == domain.id
        if known is not None and is_same and not has_changed:
            return known
        metadata = domain.metadata()
        instance = None
        if metadata is not None:
            instance = identity.parse(
                domain.uuid, metadata, domain.id is not None
            )
        if instance is None:
            if known is None:
                LOG.info(
                    'Domain %s has no metadata of Nova; its CPU time is '
                    'overhead',
                    domain.uuid,
                )
            return Guest(domain.id, None, None)
        devices = self._devices(domain)
        if known is not None and is_same:
            return known._replace(instance=instance, devices=devices)
        # An event follows when the process has been started.
        is_running = domain.id is not None and not domain.is_starting()
        return Guest(
            domain.id if is_running else None, instance, None, devices
        )

    def _devices(
        self, domain: connection.Domain
    ) -> frozenset[passthrough.Address]:
        """Return the devices that a domain has while it is active."""
        if not self._probes or domain.id is None:
            return frozenset()
        description = domain.description()
        if description is None:
            return frozenset()
        return passthrough.parse_domain(description)

    def _select(self) -> None:
        """Set what is read of the domains that are instances."""
        selected = [
            (guest.instance, guest.source)
            for _, guest in sorted(self._guests.items())
            if guest.instance is not None
        ]
        if len(selected) + len(self._probes) > MAX_INSTANCES:
            raise exception.DriverError(
                f'libvirt has {len(selected)} instances; at most '
                f'{MAX_INSTANCES - len(self._probes)} can be metered on this '
                'host'
            )
        self.all = tuple(instance for instance, _ in selected)
        self.devices = passthrough.assign(
            self._probes,
            {
                uuid: guest.devices
                for uuid, guest in self._guests.items()
                if guest.instance is not None
            },
        )
        self._sources = [source for _, source in selected]

    def _report(self, uuid: str, source: cpu_time.Source | None) -> None:
        if source is not None:
            self._throttled_log.recovered(
                'source', 'CPU time of instance %s can be read again', uuid
            )
            return
        self._throttled_log.warning(
            'source',
            'CPU time of instance %s cannot be read, and is overhead: it has '
            'no visible %s; cpu_source = info needs none',
            uuid,
            self._cpu_source,
        )


def _read(source: cpu_time.Source | None) -> tuple[str, int]:
    milliseconds = None if source is None else source.read()
    if source is None or milliseconds is None:
        return _NO_PROCESS
    return source.process, milliseconds
