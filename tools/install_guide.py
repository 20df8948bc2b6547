# SPDX-License-Identifier: Apache-2.0

"""Convert a page of the documentation into a shell script.

Usage: ``install_guide.py PAGE > SCRIPT``. The script contains what a reader
would type and write, in the order of the page:

* From ``code-block:: console``: the commands after the root prompt, ``# ``.
  A backslash at the end of a line continues a command. All other lines are
  output of the commands.
* A ``code-block`` whose ``caption`` is an absolute path: a file with this
  content.

Other blocks and included files are examples and are left out. The script
prints each command before it runs it and stops at the first one that fails.
"""

import collections.abc
import pathlib
import sys
import typing

from docutils import core
from docutils import nodes
from docutils.parsers import rst
from docutils.parsers.rst import directives
from docutils.parsers.rst import roles

PROMPT = '# '
_END = 'END_OF_FILE'

_HEAD = """\
#!/bin/bash
# The script sources only files that it has written itself.
# shellcheck disable=SC1091
set -euo pipefail
PS4='
# '
set -x
"""


class CodeBlock(rst.Directive):
    """The part of Sphinx's ``code-block`` that an installation guide uses."""

    has_content = True
    required_arguments = 1
    option_spec: typing.ClassVar = {'caption': directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        text = '\n'.join(self.content) + '\n'
        return [
            nodes.literal_block(
                text,
                text,
                language=self.arguments[0],
                caption=self.options.get('caption'),
            )
        ]


class LiteralInclude(rst.Directive):
    """Sphinx's ``literalinclude``: an example."""

    required_arguments = 1
    option_spec: typing.ClassVar = {'language': directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        return []


def parse(text: str, name: str) -> nodes.document:
    """Parse a page.

    :param name: of the file, for error messages.
    :raises docutils.utils.SystemMessage: if the page contains markup that
        only Sphinx understands: it could hide code blocks.
    """
    directives.register_directive('code-block', CodeBlock)
    directives.register_directive('literalinclude', LiteralInclude)
    roles.register_generic_role('doc', nodes.emphasis)
    return core.publish_doctree(
        text,
        name,
        settings_overrides={
            'halt_level': 2,
            'report_level': 2,
            'file_insertion_enabled': False,
        },
    )


def blocks(
    page: nodes.document,
) -> collections.abc.Iterator[tuple[str, str | None, str]]:
    """Return language, caption and text of the code blocks, in order."""
    for block in page.findall(nodes.literal_block):
        if 'language' in block:
            yield block['language'], block['caption'], block.astext()


def commands(text: str) -> str:
    """Return the commands of a console block.

    :raises ValueError: if the block contains no prompt.
    """
    lines = []
    is_continued = False
    for line in text.splitlines():
        if line.startswith(PROMPT) and not is_continued:
            line = line.removeprefix(PROMPT)
        elif not is_continued:
            continue
        lines.append(line)
        is_continued = line.endswith('\\')
    if not lines:
        raise ValueError(f'a console block without a prompt:\n{text}')
    return ''.join(f'{line}\n' for line in lines)


def script(page: nodes.document) -> str:
    """Return the script of a page.

    :raises ValueError: if a console block contains no prompt.
    """
    parts = [_HEAD]
    for language, caption, text in blocks(page):
        if language == 'console':
            parts.append(commands(text))
        elif caption is not None and caption.startswith('/'):
            parts.append(f"cat > {caption} << '{_END}'\n{text}{_END}\n")
    return '\n'.join(parts)


def main() -> None:
    """Print the script of the page that the first argument names."""
    path = pathlib.Path(sys.argv[1])
    page = parse(path.read_text(encoding='utf-8'), str(path))
    sys.stdout.write(script(page))


if __name__ == '__main__':
    main()
