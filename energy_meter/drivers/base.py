# SPDX-License-Identifier: Apache-2.0

"""Driver contract: what a driver declares, and how the agent calls it.

A driver reads one wattmeter, which has one or more probes. It does not know
about configuration files, registers or message buses. It gets its options and
the IDs of its probes, and returns readings.

The agent calls all methods of a driver but :meth:`Driver.abort` from one
thread, in this order: :meth:`Driver.open`, :meth:`Driver.read` repeatedly,
:meth:`Driver.close`. After any error it closes the driver and opens a new one.
It abandons a driver whose thread hangs, so each operation that waits for a
device needs a timeout.

A failure costs only its probe: an error of :meth:`Driver.read` ends the
readings of all probes of the wattmeter. Raise it only if none of them can be
read. :class:`ProbeReader` implements this rule.
"""

import abc
import collections.abc
import dataclasses
import typing

from oslo_config import cfg

from energy_meter import measurement
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.common import sysfs

#: Reads probes one at a time, so that a failure costs only its probe.
ProbeReader = per_probe.ProbeReader

#: Returns the channel of each probe; an error unless each channel has a place.
assign = sysfs.assign

#: Default maximum power of a probe in watts, by its scope. It limits what a
#: wrong value can bill, so it is little more than the rating of the largest
#: common hardware. ``doc/source/configuration/index.rst`` has the reasons.
MAX_WATTS = {
    'node': 20_000.0,
    'inlet': 50_000.0,
    'outlet': 10_000.0,
    'psu': 10_000.0,
    'cpu-package': 1000.0,
    'gpu': 3000.0,
    'dram': 1000.0,
    'platform': 5000.0,
    'battery': 3000.0,
    'ups': 250_000.0,
    'chassis': 100_000.0,
    'phase': 35_000.0,
    'circuit': 100_000.0,
    'other': 100_000.0,
}


@dataclasses.dataclass(frozen=True)
class Channel:
    """Measuring point of a wattmeter: an outlet, a sensor, a battery.

    :ivar index: number of the channel, as the wattmeter counts.
    :ivar name: name of the channel, if the wattmeter has one for it.
    """

    index: str
    name: str | None = None


def number(names: collections.abc.Iterable[str]) -> list[Channel]:
    """Return channels numbered from 1, for a wattmeter with names only."""
    return [Channel(str(index), name) for index, name in enumerate(names, 1)]


class Driver(abc.ABC):
    """Base class of all drivers.

    :cvar opts: options of the driver in its ``[wattmeter:...]`` section. Mark
        those that hold a password as ``secret``.
    :cvar scope: default scope of the driver's probes.
    :cvar max_watts: default maximum power of a probe with that scope, in
        watts, if the device can measure less than others of its scope. None
        for the default of the scope.
    :cvar measures_this_machine: whether the default ``host`` of the probes is
        the machine on which the agent runs, rather than the probe's ID.
    :cvar self_paced: whether :meth:`read` itself waits for the device, because
        the wattmeter sends readings without being asked.

    :param options: values of ``opts`` and of the options that all wattmeters
        have, as attributes.
    :param probes: IDs of the probes in the order of the wattmeter's channels;
        None for a channel that is not metered.
    """

    opts: typing.ClassVar[collections.abc.Sequence[cfg.Opt]] = ()
    scope: typing.ClassVar[str] = 'node'
    max_watts: typing.ClassVar[float | None] = None
    measures_this_machine: typing.ClassVar[bool] = False
    self_paced: typing.ClassVar[bool] = False

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        self.options = options
        self.probes = probes

    @classmethod
    def scope_of(cls, options: typing.Any) -> str:
        """Return the default scope of the probes with these options.

        Override it if an option selects what is measured, for example the
        outlets or the inlets of a PDU.

        :param options: as passed to the constructor.
        :raises InvalidOption: if an option is invalid.
        """
        return cls.scope

    @classmethod
    def max_watts_of(cls, scope: str) -> float:
        """Return the default maximum power of a probe, in watts.

        :param scope: scope of the probe; the operator may have set it.
        """
        if scope == cls.scope and cls.max_watts is not None:
            return cls.max_watts
        return MAX_WATTS.get(scope, MAX_WATTS['other'])

    @abc.abstractmethod
    def open(self) -> None:
        """Prepare for reading: connect, log in, find the sensors.

        :raises DriverError: if the wattmeter cannot be read.
        """

    @abc.abstractmethod
    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        """Return the current readings.

        Omit a probe whose value is unavailable, or that failed while others
        can be read.

        The agent calls this method once per interval. If the driver is
        ``self_paced``, the agent calls it again immediately: wait for the
        device, for a few seconds at most, and return no readings if none
        arrived.

        :raises DriverError: if no probe can be read.
        :raises ProtocolError: if the device of a self-paced driver ended its
            stream of readings.
        """

    def channels(self) -> collections.abc.Sequence[Channel]:
        """List the channels of the wattmeter; called after :meth:`open`.

        The agent calls it on a driver without probes, to name a probe for
        each channel by a pattern.

        :returns: an empty sequence if the wattmeter cannot list them.
        """
        return ()

    def close(self) -> None:  # noqa: B027
        """Release all resources, even if :meth:`open` failed or never ran.

        The agent logs an error of this method, and goes on.
        """

    def abort(self) -> None:  # noqa: B027
        """End the call of another method that hangs in another thread.

        The agent calls it when it abandons the driver. The call that hangs
        should raise an error soon; then its thread calls :meth:`close`. This
        method must be thread-safe, must not wait for anything, and may be
        called at any time. The agent logs an error of it, and goes on. By
        default it does nothing.
        """
