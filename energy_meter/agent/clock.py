# SPDX-License-Identifier: Apache-2.0

"""Clocks of the machine that the agent runs on."""

import ctypes
import logging
import threading
import time
import typing

LOG = logging.getLogger(__name__)

#: Time that reading the clocks may take, in seconds. A process that was
#: stopped between two of them would see a step that never happened, and a
#: counter that is faster than its maximum power.
_MAX_READ_TIME_S = 0.01
#: Longs that exceed the size of the kernel's ``struct timex``.
_TIMEX_LONGS = 64
#: State in which adjtimex() reports a clock that nothing synchronizes.
_TIME_ERROR = 5


class Instant(typing.NamedTuple):
    """One instant on all clocks, in seconds.

    :ivar monotonic: CLOCK_MONOTONIC, the clock of :class:`Reading`.
    :ivar boottime: CLOCK_BOOTTIME, which also counts while the machine is
        suspended.
    :ivar timestamp: wall clock, since the epoch.
    :ivar synced: whether the wall clock is synchronized.
    :ivar generation: number of times that ``boottime`` went backwards.
        Between two generations, no time can be compared.
    """

    monotonic: float
    boottime: float
    timestamp: float
    synced: bool
    generation: int

    def before(self, seconds: float) -> 'Instant':
        """Return the instant so many seconds earlier."""
        return Instant(
            self.monotonic - seconds,
            self.boottime - seconds,
            self.timestamp - seconds,
            self.synced,
            self.generation,
        )


class Clock:
    """Reads all clocks at once; thread-safe.

    :param synced: ``auto`` to ask the kernel whether the wall clock is
        synchronized, ``synced`` or ``unsynced`` to state it.
    """

    def __init__(self, synced: str = 'auto') -> None:
        self._setting = synced
        self._lock = threading.Lock()
        self._boottime = 0.0
        self._generation = 0
        self._synced = True

    def now(self) -> Instant:
        """Return the current instant."""
        with self._lock:
            monotonic, boottime, timestamp = _read()
            if boottime < self._boottime:
                # A copy of this process continues on another machine.
                self._generation += 1
            self._boottime = boottime
            return Instant(
                monotonic,
                boottime,
                timestamp,
                self._is_synced(),
                self._generation,
            )

    def _is_synced(self) -> bool:
        synced = (
            is_kernel_synced()
            if self._setting == 'auto'
            else self._setting == 'synced'
        )
        if synced != self._synced:
            self._synced = synced
            if synced:
                LOG.info('The clock of this machine is synchronized')
            else:
                LOG.warning(
                    'The clock of this machine is not synchronized; the '
                    'collectors date the energy by its arrival. Check NTP, '
                    'or set [agent] clock'
                )
        return synced


def is_kernel_synced() -> bool:
    """Return whether the kernel considers the wall clock synchronized.

    Takes 4 microseconds and needs no privilege. If a sandbox forbids the
    question, the clock counts as not synchronized.
    """
    state: int = _ADJTIMEX(ctypes.byref((ctypes.c_long * _TIMEX_LONGS)()))
    return state not in (-1, _TIME_ERROR)


def _read() -> tuple[float, float, float]:
    """Return monotonic time, boot time and wall clock of one instant."""
    while True:
        boottime = time.clock_gettime(time.CLOCK_BOOTTIME)
        monotonic, timestamp = time.monotonic(), time.time()
        took = time.clock_gettime(time.CLOCK_BOOTTIME) - boottime
        if took < _MAX_READ_TIME_S:
            return monotonic, boottime, timestamp


_ADJTIMEX = ctypes.CDLL(None).adjtimex
