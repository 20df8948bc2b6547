# SPDX-License-Identifier: Apache-2.0

"""Numbers of registers, the keys of their rows."""

import functools
import hashlib

from energy_meter import measurement

#: Number of registers whose numbers are kept. A hash takes four times as long
#: as a look-up, and the registers of a batch are those of the one before.
_MAX_KEPT = 2**16


@functools.lru_cache(_MAX_KEPT)
def number(probe: str, register: measurement.RegisterKey) -> int:
    """Return the number of a register: 64 bits, signed.

    Two registers of one number are as likely as a broken hash, so readers
    need no other key. The upsert compares the registers nevertheless: energy
    must not move from one to another.
    """
    # No part contains a line feed.
    identity = f'{probe}\n{register.agent}\n{register.id}'
    digest = hashlib.sha256(identity.encode()).digest()
    return int.from_bytes(digest[:8], 'big', signed=True)
