# SPDX-License-Identifier: Apache-2.0

"""What every driver is.

A driver reads one wattmeter, which has one or more probes. It knows nothing
of configuration files, registers or buses: it is handed its options and its
probes, and gives readings.

All methods of a driver are called from one thread, in this order:
:meth:`Driver.open`, then :meth:`PolledDriver.read` again and again, or
:meth:`StreamingDriver.stream` once, then :meth:`Driver.close`. After any
error the driver is closed and opened anew. A driver whose thread hangs is
abandoned and a new object takes its place, so every operation that waits for
a device must have a timeout.
"""

import abc
import collections.abc
import dataclasses
import typing

from oslo_config import cfg

from energy_meter import measurement


@dataclasses.dataclass(frozen=True)
class Outlet:
    """One measuring point of a wattmeter.

    :ivar index: its number, as the wattmeter counts.
    :ivar name: what the wattmeter calls it.
    """

    index: str
    name: str | None = None


def number(names: collections.abc.Iterable[str]) -> list[Outlet]:
    """Count outlets that the wattmeter only calls by their names, from 1."""
    return [Outlet(str(index), name) for index, name in enumerate(names, 1)]


class Driver(abc.ABC):
    """Base of :class:`PolledDriver` and :class:`StreamingDriver`.

    :cvar opts: the driver's own options in its ``[wattmeter:...]`` section;
        those that hold a password are marked ``secret``.
    :cvar scope: what its probes measure unless the operator says otherwise.
    :cvar measures_this_machine: the probes' default ``host`` is the machine
        on which the agent runs, rather than the probe's own id.

    :param options: values of ``opts`` and of the options that all
        wattmeters have, as attributes.
    :param probes: ids of the probes in the order of the wattmeter's
        outlets; None for an outlet that is left out.
    """

    opts: typing.ClassVar[collections.abc.Sequence[cfg.Opt]] = ()
    scope: typing.ClassVar[str] = 'node'
    measures_this_machine: typing.ClassVar[bool] = False

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        self.options = options
        self.probes = probes

    @classmethod
    def scope_of(cls, chosen: typing.Any) -> str:
        """Tell what probes measure with these options.

        For drivers of which one option chooses between outlets and inlets,
        say.

        :param chosen: the options, as a driver is handed them.
        :raises DriverError: when they make no sense.
        """
        return cls.scope

    @abc.abstractmethod
    def open(self) -> None:
        """Prepare for reading: connect, log in, find the sensor.

        :raises DriverError: when the wattmeter can't be read.
        """

    def outlets(self) -> collections.abc.Sequence[Outlet]:
        """List what the wattmeter can measure, after :meth:`open`.

        A driver made without probes may be asked, so that the operator need
        not name them all.

        :returns: nothing if the wattmeter can't tell.
        """
        return ()

    def close(self) -> None:  # noqa: B027
        """Let go of whatever ``open`` took hold of, even halfway."""


class PolledDriver(Driver):
    """A wattmeter that answers when asked."""

    @abc.abstractmethod
    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        """Give what the wattmeter shows now.

        A probe whose value is unavailable is left out.

        :raises DriverError: when the wattmeter can't be read.
        """


class StreamingDriver(Driver):
    """A wattmeter that talks by itself."""

    @abc.abstractmethod
    def stream(self) -> collections.abc.Iterator[measurement.Reading | None]:
        """Yield readings as they come, None where none came for a while.

        The None lets the caller look whether it should stop: it must come
        at least every few seconds.

        :raises DriverError: when the wattmeter can't be read.
        """
