# SPDX-License-Identifier: Apache-2.0

"""Energy of instances, projects and hosts in intervals."""

import datetime
import typing


class Row(typing.NamedTuple):
    """Energy of an instance or a project in an interval.

    :ivar coverage: share of the time for which the energy is known, 0 to 1.
    :ivar quality: attributed, estimated, partial or missing.
    :ivar state: closed if it is final, else open.
    :ivar version: of the closed days; None if the interval is open.
    :ivar idle_kwh: what the host would have used without load; None if the
        reader may not know it.
    :ivar device_kwh: that of devices that were passed through to instances;
        None if the reader may not know it.
    """

    start: datetime.datetime
    end: datetime.datetime
    kwh: float
    millijoules: int
    coverage: float
    uncertain_kwh: float
    quality: str
    state: str
    version: int | None
    idle_kwh: float | None
    device_kwh: float | None


class Instance(typing.NamedTuple):
    """Energy of an instance.

    :ivar project_name: name of its project; empty if it is not known.
    :ivar host_ids: IDs by which Nova names its hosts to its project.
    :ivar hosts: names of its hosts; None if the reader may not know them.
    :ivar scopes: of the hosts' energy; that of scope node is at the wall.
    :ivar intervals: empty in lists.
    """

    instance_id: str
    name: str
    project_id: str
    project_name: str
    user_id: str
    host_ids: tuple[str, ...]
    hosts: tuple[str, ...] | None
    scopes: tuple[str, ...]
    total: Row
    intervals: list[Row]


class Project(typing.NamedTuple):
    """Energy of the instances of a project.

    :ivar project_name: its latest name; empty if it is not known.
    :ivar instances: their number.
    :ivar intervals: empty in lists.
    """

    project_id: str
    project_name: str
    instances: int
    scopes: tuple[str, ...]
    total: Row
    intervals: list[Row]


class HostRow(typing.NamedTuple):
    """Energy of a host in an interval, and what it was used for, in kWh.

    Of these, ``instances``, ``overhead``, ``unallocated`` and
    ``unattributed`` add up to all of it.
    """

    start: datetime.datetime
    end: datetime.datetime
    kwh: float
    millijoules: int
    coverage: float
    uncertain_kwh: float
    quality: str
    state: str
    version: int | None
    idle: float
    dynamic: float
    devices: float
    instances: float
    overhead: float
    unallocated: float
    unattributed: float


class HostInstance(typing.NamedTuple):
    """Energy of an instance on a host.

    :ivar millijoules: in each interval of the host.
    """

    instance_id: str
    name: str
    project_id: str
    project_name: str
    user_id: str
    total: Row
    millijoules: list[int]


class IdlePower(typing.NamedTuple):
    """Power of a host without load.

    :ivar source: configured, or how it was estimated.
    """

    since: datetime.datetime
    watts: float
    source: str


class Host(typing.NamedTuple):
    """Energy of a host.

    :ivar memory: in MiB.
    """

    host: str
    scopes: tuple[str, ...]
    threads: int
    memory: int
    idle_power: list[IdlePower]
    total: HostRow
    intervals: list[HostRow]
    instances: list[HostInstance]


Member = typing.TypeVar('Member', Instance, Project, Host)


class Page(typing.NamedTuple, typing.Generic[Member]):
    """Part of a response.

    :ivar methods: names and versions of the methods of attribution.
    :ivar total: over all members; None if other pages have more.
    """

    start: datetime.datetime
    end: datetime.datetime
    methods: tuple[str, ...]
    total: Row | HostRow | None
    members: list[Member]
    next_query: str | None
