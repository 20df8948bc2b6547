# SPDX-License-Identifier: Apache-2.0

"""Call a function and handle its error outside the ``except`` block.

oslo.log appends the active exception to each line of level WARNING or above
that is formatted inside an ``except`` block. Messages that name the error
themselves would then contain it twice.
"""

import collections.abc
import typing

T = typing.TypeVar('T')
E = typing.TypeVar('E', bound=Exception)


def call(
    function: collections.abc.Callable[[], T],
    error_type: type[E] | tuple[type[E], ...],
) -> tuple[T | None, E | None]:
    """Return the result of a function, or the error that it raised.

    :param error_type: type of the errors to return, or several types; other
        errors propagate.
    :returns: the result and None, or None and the error.
    """
    try:
        return function(), None
    except error_type as error:
        return None, error
