# SPDX-License-Identifier: Apache-2.0

"""Methods of attribution: in which proportions instances share energy.

A method is an entry point. It returns weights only, so that no method can
create or lose energy.
"""

import importlib.metadata
import typing

from energy_meter import cpu_usage
from energy_meter import exception

NAMESPACE = 'energy_meter.attribution'


class Shares(typing.NamedTuple):
    """Weights by which the energy of a host is divided for some time.

    Each tuple has a weight for each instance of the layout, and one more for
    what belongs to no instance. None is negative, and not all are zero.

    :ivar idle: of the energy of an idle host; the last is unallocated.
    :ivar dynamic: of the rest; the last is overhead.
    """

    idle: tuple[int, ...]
    dynamic: tuple[int, ...]


class Method(typing.Protocol):
    """A way to divide the energy of a host.

    :ivar name: that of the entry point.
    :ivar version: changes when the same usage leads to other shares.
    """

    name: typing.ClassVar[str]
    version: typing.ClassVar[int]

    @staticmethod
    def shares(
        layout: cpu_usage.Layout, busy: int, cpu: tuple[int, ...]
    ) -> Shares:
        """Return the shares of the instances in a time.

        :param busy: CPU time of the host in ms.
        :param cpu: CPU time of each instance in ms.
        """


class ReservedAndCPU:
    """Divides idle energy by what is reserved, and the rest by CPU time.

    The shares of vCPUs and of memory count for one half of the idle energy
    each. A host that is overcommitted belongs to its instances alone.
    """

    name: typing.ClassVar[str] = 'reserved-and-cpu'
    version: typing.ClassVar[int] = 1

    @staticmethod
    def shares(
        layout: cpu_usage.Layout, busy: int, cpu: tuple[int, ...]
    ) -> Shares:
        """Return the shares of the instances in a time."""
        reserved = [
            (each.vcpus, each.memory) if each.is_reserved else (0, 0)
            for each in layout.instances
        ]
        vcpus = max(layout.threads, sum(each for each, _ in reserved), 1)
        memory = max(layout.memory, sum(each for _, each in reserved), 1)
        idle = [each[0] * memory + each[1] * vcpus for each in reserved]
        used = sum(cpu)
        return Shares(
            (*idle, 2 * vcpus * memory - sum(idle)),
            (*cpu, max(busy, used, 1) - used),
        )


def load(name: str) -> type[Method]:
    """Return the method of a name.

    :raises AttributionMethodNotFound: if no installed package has it.
    """
    installed = importlib.metadata.entry_points(group=NAMESPACE)
    if name not in installed.names:
        raise exception.AttributionMethodNotFound(
            name=name, installed=', '.join(sorted(installed.names))
        )
    method: type[Method] = installed[name].load()
    return method
