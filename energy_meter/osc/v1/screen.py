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
