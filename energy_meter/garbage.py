# SPDX-License-Identifier: Apache-2.0

"""Garbage collection of processes that handle many probes at a time."""

import ctypes
import gc

#: Number of objects after which the garbage collector looks for cycles. The
#: measurements of 10,000 probes, which have none, make up 100,000.
_THRESHOLD = 50_000
#: Parameter of malloc.h, and the size in bytes from which a block is returned
#: to the machine when it is freed. glibc raises it to that of the largest
#: block freed, and so keeps the space of messages: 10 MiB in a collector.
_M_MMAP_THRESHOLD, _MMAP_THRESHOLD = -3, 128 * 1024


def tune() -> None:
    """Look for cycles rarely, and not in what was loaded at the start.

    By default a fifth of the time in which a collector writes 10,000 new
    registers, and half of that in which the API lists 10,000 probes, is spent
    on looking for cycles that are not there.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_THRESHOLD)
    # Other libraries than glibc have no such function.
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD)


def release_messages() -> None:
    """Free the messages that were sent since this was last called.

    The functions of oslo.messaging and kombu that send a message refer to it
    and to each other. These cycles are few, so it takes a minute until their
    number reaches the threshold, and 100 MiB of messages.
    """
    gc.collect(0)
