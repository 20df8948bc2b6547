# SPDX-License-Identifier: Apache-2.0

"""Bodies of responses that are sent while they are made."""

import collections.abc
import contextlib
import itertools
import logging

LOG = logging.getLogger(__name__)

_BLOCK_BYTES = 64 * 1024

_Pieces = collections.abc.Iterator[bytes]


class Stream:
    """Blocks of a body, and what must be released after them.

    The first blocks are made at once: what then fails is an error response.
    If a later one fails, the server closes the connection without the last
    chunk, so that no client takes the response for complete.

    :param pieces: parts of the body of any size.
    :ivar only: the body, if it fits into one block; otherwise None.
    """

    def __init__(self, pieces: _Pieces) -> None:
        blocks = _blocks(pieces)
        made = list(itertools.islice(blocks, 2))
        self.only = made[0] if len(made) == 1 else None
        self._blocks = itertools.chain(made, blocks)
        self._resources = contextlib.ExitStack()

    def hold(self, resources: contextlib.ExitStack) -> None:
        """Close resources together with the stream."""
        self._resources = resources

    def __iter__(self) -> _Pieces:
        try:
            yield from self._blocks
        except Exception:
            LOG.exception('Response aborted')
            raise

    def close(self) -> None:
        """Release the resources."""
        self._resources.close()


def _blocks(pieces: _Pieces) -> _Pieces:
    """Yield pieces together, as each chunk costs a system call."""
    block = bytearray()
    for piece in pieces:
        block += piece
        if len(block) >= _BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)
