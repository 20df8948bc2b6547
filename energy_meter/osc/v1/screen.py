# SPDX-License-Identifier: Apache-2.0

"""A terminal of which the whole screen shows one text."""

import collections.abc
import contextlib
import shutil
import typing

# Control sequences that every terminal of today knows: the alternate screen,
# an invisible cursor, no wrapping of lines that are too long; and back.
_BORROW = '\x1b[?1049h\x1b[?25l\x1b[?7l'
_RETURN = '\x1b[?7h\x1b[?25h\x1b[?1049l'
_HOME = '\x1b[H'
_CLEAR_LINE = '\x1b[K'
_CLEAR_BELOW = '\x1b[J'

#: Shows a text in place of the one before.
Draw = collections.abc.Callable[[str], None]


@contextlib.contextmanager
def borrow(terminal: typing.TextIO) -> collections.abc.Iterator[Draw]:
    """Take the screen, and give it back as it was, however it ends."""

    def draw(text: str) -> None:
        # Over the old text, line by line and in one go: nothing flickers.
        *above, last = _cut(text.splitlines() or [''])
        terminal.write(
            _HOME
            + ''.join(f'{_CLEAR_LINE}{line}\n' for line in above)
            + _CLEAR_BELOW
            + last
        )
        terminal.flush()

    terminal.write(_BORROW)
    try:
        yield draw
    finally:
        terminal.write(_RETURN)
        terminal.flush()


def _cut(lines: list[str]) -> list[str]:
    """Let lines fit, and tell how many don't."""
    height = shutil.get_terminal_size().lines
    if len(lines) <= height:
        return lines
    shown = lines[: height - 1]
    return [*shown, f'... {len(lines) - len(shown)} more lines']
