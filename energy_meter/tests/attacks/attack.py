# SPDX-License-Identifier: Apache-2.0

"""What an attack costs the one who is attacked."""

import typing


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
