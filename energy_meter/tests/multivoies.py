# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Speaks as an OmegaWatt Multivoies does, for tests."""

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
    """Make a binary frame of some channels, six on each module.

    :param powers: mean power of each channel, in watts.
    :param currents: RMS current of each channel, in amperes.
    :param age: seconds for which the meter kept the samples.
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
