# SPDX-License-Identifier: Apache-2.0

"""SIGHUP from the start of a process until its services can reload.

By default the signal ends a process. One that arrives while a service starts
must neither end it nor be lost: files may have changed after it read them.
"""

import collections.abc
import signal
import threading

_HELD = threading.Event()


def hold() -> None:
    """Remember whether SIGHUP arrives, until :func:`deliver`."""
    signal.signal(signal.SIGHUP, lambda *_: _HELD.set())


def deliver(reload: collections.abc.Callable[[], None]) -> None:
    """Reload at each SIGHUP, and now if one was held."""
    signal.signal(signal.SIGHUP, lambda *_: reload())
    if _HELD.is_set():
        _HELD.clear()
        signal.raise_signal(signal.SIGHUP)
