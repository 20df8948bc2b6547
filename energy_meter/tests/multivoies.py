# SPDX-License-Identifier: Apache-2.0

"""Frames of a simulated OmegaWatt Multivoies."""

import collections.abc
import functools
import operator
import struct


def frame(
    powers: collections.abc.Sequence[float],
    currents: collections.abc.Sequence[float],
    *,
    samples: int = 50,
    age: float = 0.0,
) -> bytes:
    """Return a binary frame of some channels, six per module.

    :param powers: mean power of each channel, in watts.
    :param currents: RMS current of each channel, in amperes.
    :param age: age of the samples in seconds.
    """
    sums = []
    for first in range(0, len(powers), 6):
        sums += [samples * i * i for i in currents[first : first + 6]]
        sums += [samples * p for p in powers[first : first + 6]]
    body = struct.pack(
        f'<HII3f{len(sums)}f',
        7,
        round(age * 2**32),
        samples,
        0.0,
        0.0,
        0.0,
        *sums,
    )
    covered = struct.pack('<H', len(body)) + body
    checksum = functools.reduce(operator.xor, covered)
    return bytes.fromhex('fefdfcfb') + covered + bytes([checksum])
