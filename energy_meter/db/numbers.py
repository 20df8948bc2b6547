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
    return of(identity(probe, register))


def identity(probe: str, register: measurement.RegisterKey) -> str:
    """Return the text of which the number of a register is the hash."""
    # No part contains a line feed.
    return f'{probe}\n{register.agent}\n{register.id}'


def of(identity: str) -> int:
    """Return the number of the register of this identity."""
    digest = hashlib.sha256(identity.encode()).digest()
    return int.from_bytes(digest[:8], 'big', signed=True)
