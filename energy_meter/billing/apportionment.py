# SPDX-License-Identifier: Apache-2.0

"""Division of whole numbers in proportion, without loss."""

import collections.abc


def largest_remainder(
    amount: int, weights: collections.abc.Sequence[int]
) -> list[int]:
    """Return parts of an amount in proportion to weights.

    Each part is the exact one, rounded down or up. Those with the largest
    remainders are rounded up; of equal remainders, the first. A weight of
    zero has no part.

    :param weights: not negative, and not all zero.
    """
    total = sum(weights)
    parts = []
    remainders = []
    for weight in weights:
        part, remainder = divmod(amount * weight, total)
        parts.append(part)
        remainders.append(remainder)
    if left := amount - sum(parts):
        # The sort is stable in reverse, too.
        order = sorted(
            range(len(parts)), key=remainders.__getitem__, reverse=True
        )
        for number in order[:left]:
            parts[number] += 1
    return parts
