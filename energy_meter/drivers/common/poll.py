# SPDX-License-Identifier: Apache-2.0

"""Waiting for a file descriptor, with any number of them open.

``select.select`` rejects descriptors above 1,023. An agent with more
wattmeters than that has such descriptors.
"""

import math
import select

READABLE = select.POLLIN
WRITABLE = select.POLLOUT


def wait(descriptor: int, events: int, timeout: float) -> int:
    """Wait until a descriptor is ready or failed.

    :param descriptor: an open file descriptor.
    :param events: :data:`READABLE`, :data:`WRITABLE` or both.
    :param timeout: maximum time in seconds; none if it is not positive.
    :returns: the events that occurred, including those of ``poll(2)`` that
        report an error or the end of the stream; 0 after the timeout.
    """
    poller = select.poll()
    poller.register(descriptor, events)
    ready = poller.poll(max(0, math.ceil(1000 * timeout)))
    return ready[0][1] if ready else 0
