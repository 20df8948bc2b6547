# SPDX-License-Identifier: Apache-2.0

"""Full-screen output on the terminal's alternate screen."""

import collections.abc
import contextlib
import shutil
import typing

# Control sequences of xterm, which all common terminals support: alternate
# screen on, cursor hidden, line wrapping off; and the reverse.
_ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l'
_LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l'
_HOME = '\x1b[H'
_CLEAR_LINE = '\x1b[K'
_CLEAR_BELOW = '\x1b[J'

#: Replaces the text on the screen.
Draw = collections.abc.Callable[[str], None]


@contextlib.contextmanager
def alternate_screen(
    terminal: typing.TextIO,
) -> collections.abc.Iterator[Draw]:
    """Switch to the alternate screen, and back on exit, also on errors."""

    def draw(text: str) -> None:
        # Overwrite the old text with a single write, which avoids flicker.
        *above, last = _fit(text.splitlines() or [''])
        terminal.write(
            _HOME
            + ''.join(f'{_CLEAR_LINE}{line}\n' for line in above)
            + _CLEAR_BELOW
            + last
        )
        terminal.flush()

    terminal.write(_ENTER)
    try:
        yield draw
    finally:
        terminal.write(_LEAVE)
        terminal.flush()


def _fit(lines: list[str]) -> list[str]:
    """Return the lines that fit the screen, and the number of the others."""
    height = shutil.get_terminal_size().lines
    if len(lines) <= height:
        return lines
    visible = lines[: height - 1]
    return [*visible, f'... {len(lines) - len(visible)} more lines']
