# SPDX-License-Identifier: Apache-2.0

"""Numbers of registers, the keys of their rows."""

import hashlib

from energy_meter import measurement


def number(probe: str, register: measurement.RegisterKey) -> int:
    """Return the number of a register: 64 bits, signed.

    Two registers of one number are as likely as a broken hash, so readers
    need no other key. The upsert compares the registers nevertheless: energy
    must not move from one to another.
    """
    # No part contains a line feed.
    text = f'{probe}\n{register.agent}\n{register.id}'
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], 'big', signed=True)
