# SPDX-License-Identifier: Apache-2.0

"""What an attack costs the one who is attacked."""

import pathlib
import time
import typing

#: Resets the peak of a process. The one of ``getrusage`` includes the process
#: that started it.
_RESET_PEAK = pathlib.Path('/proc/self/clear_refs')


class Figures(typing.NamedTuple):
    """Cost of one attack.

    :ivar peak_memory: growth of the resident memory, in bytes.
    :ivar cpu: processor time, in seconds.
    :ivar latency: time until the victim is available again, in seconds.
    :ivar note: how the attack ended.
    """

    peak_memory: int
    cpu: float
    latency: float
    note: str


class Usage:
    """Memory and processor time of this process from now on."""

    def __init__(self) -> None:
        _RESET_PEAK.write_text('5')
        self._memory = _memory('VmRSS')
        self._cpu = time.process_time()

    def figures(self, latency: float, note: str) -> Figures:
        """Return what was used until now."""
        return Figures(
            _memory('VmHWM') - self._memory,
            time.process_time() - self._cpu,
            latency,
            note,
        )


def _memory(name: str) -> int:
    """Return a size of this process in bytes, from /proc (see proc(5))."""
    for line in pathlib.Path('/proc/self/status').read_text().splitlines():
        if line.startswith(f'{name}:'):
            return 1024 * int(line.split()[1])
    raise KeyError(name)
