# SPDX-License-Identifier: Apache-2.0

"""Types of CPU usage: what the instances of one host compute.

The usage of a host is a vector: the CPU time of all its instances, under one
clock. It travels and is stored as a register like those of energy, whose value
is the busy time of the host: milliseconds of CPU time take the place of
millijoules, and busy CPUs that of watts. Its marks carry the vector as well.
"""

import collections.abc
import typing


class Instance(typing.NamedTuple):
    """An instance on a host, for some time.

    :ivar uuid: ID in Nova.
    :ivar project: ID of the project that owns it.
    :ivar project_name: its name when Nova wrote the metadata; empty if it is
        not known.
    :ivar user: ID of the user who created it.
    :ivar vcpus: virtual CPUs of its flavor.
    :ivar memory: memory of its flavor, in MiB.
    :ivar is_reserved: whether it holds these on the host: it is running or
        paused, not shut off or suspended.
    """

    uuid: str
    name: str
    project: str
    project_name: str
    user: str
    vcpus: int
    memory: int
    is_reserved: bool


class Device(typing.NamedTuple):
    """A device of a host that can be passed through to an instance.

    :ivar probe: ID of the probe that measures its energy.
    :ivar instance: UUID of the instance that has it; None if none has.
    """

    probe: str
    instance: str | None


class Layout(typing.NamedTuple):
    """What the values of a vector belong to.

    :ivar threads: online CPU threads of the host.
    :ivar memory: memory of the host, in MiB.
    :ivar idle_watts: power of the host when it is idle, in W, as configured;
        None if it is to be estimated.
    :ivar instances: in order of their UUIDs.
    :ivar devices: those whose energy belongs to the instances that have them,
        in order of their probes.
    """

    threads: int
    memory: int
    idle_watts: float | None
    instances: tuple[Instance, ...]
    devices: tuple[Device, ...] = ()


class Snapshot(typing.NamedTuple):
    """What a driver reads at one time.

    :ivar counters: for each instance of the layout, the process that runs it
        and the CPU time of that process in ms. A process that is not the one
        of the last snapshot has a counter that began at zero.
    """

    layout: Layout
    counters: tuple[tuple[str, int], ...]


class Usage(typing.NamedTuple):
    """Vector of a register at one time.

    :ivar layout: applies since the mark before this one.
    :ivar cpu: for each instance of the layout, its CPU time in ms since it
        appeared in this register. An instance that was not in the layout of
        the mark before this one began at zero there.
    """

    layout: Layout
    cpu: tuple[int, ...]


def parse_layout(row: collections.abc.Sequence[typing.Any]) -> Layout:
    """Return a layout from its JSON, in which tuples are lists."""
    threads, memory, idle_watts, instances, devices = row
    return Layout(
        threads,
        memory,
        idle_watts,
        tuple(Instance(*instance) for instance in instances),
        tuple(Device(*device) for device in devices),
    )


def parse_usage(
    row: collections.abc.Sequence[typing.Any] | None,
) -> Usage | None:
    """Return a vector from its JSON, in which tuples are lists; or None."""
    if row is None:
        return None
    layout, cpu = row
    return Usage(parse_layout(layout), tuple(cpu))


def increments(before: Usage | None, after: Usage) -> tuple[int, ...]:
    """Return what each instance of the later vector computed between two.

    :param before: the neighbor of ``after`` in the same register; None if
        that is the origin.
    :returns: CPU time in ms, in the order of the layout of ``after``.
    """
    known: dict[str, int] = {}
    if before is not None:
        for instance, cpu in zip(
            before.layout.instances, before.cpu, strict=True
        ):
            known[instance.uuid] = cpu
    # An instance that left and returned in between, while a mark was lost,
    # has begun at zero again.
    return tuple(
        cpu - begun if (begun := known.get(instance.uuid, 0)) <= cpu else cpu
        for instance, cpu in zip(
            after.layout.instances, after.cpu, strict=True
        )
    )
