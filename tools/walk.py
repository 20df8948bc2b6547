# SPDX-License-Identifier: Apache-2.0

"""Make a script of a page of the documentation: walk.py PAGE > SCRIPT.

What a reader would type and write, in the order of the page:

* Of ``code-block:: console``, the lines after the prompt of root, ``# ``. A
  command goes on behind a backslash at the end of a line. All other lines are
  what commands print.
* ``code-block`` with a ``caption`` that is an absolute path is that file.

Other blocks are examples and stay out. The script shows each command and ends
at the first that fails.
"""

import collections.abc
import pathlib
import sys

from docutils import core
from docutils import nodes
from docutils.parsers import rst
from docutils.parsers.rst import directives
from docutils.parsers.rst import roles

PROMPT = '# '
_END = 'END_OF_FILE'

# Every command is shown before it runs.
_HEAD = """\
#!/bin/bash
# What it sources it has written itself.
# shellcheck disable=SC1091
set -euo pipefail
PS4='
# '
set -x
"""


class CodeBlock(rst.Directive):
    """Sphinx's, as far as a walk goes."""

    has_content = True
    required_arguments = 1
    option_spec = {'caption': directives.unchanged_required}

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


def parse(text: str, name: str) -> nodes.document:
    """Read a page.

    :param name: of the file, for what is said about it.
    :raises docutils.utils.SystemMessage: it has what only Sphinx knows,
        in which blocks could be hidden.
    """
    directives.register_directive('code-block', CodeBlock)
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
    """Give language, caption and text of the code blocks, in order."""
    for block in page.findall(nodes.literal_block):
        if 'language' in block:
            yield block['language'], block['caption'], block.astext()


def commands(text: str) -> str:
    """Give what is typed at the prompts of a console block.

    :raises ValueError: it has no prompt.
    """
    typed = []
    goes_on = False
    for line in text.splitlines():
        if line.startswith(PROMPT) and not goes_on:
            line = line.removeprefix(PROMPT)
        elif not goes_on:
            continue
        typed.append(line)
        goes_on = line.endswith('\\')
    if not typed:
        raise ValueError(f'a console block without a prompt:\n{text}')
    return ''.join(f'{line}\n' for line in typed)


def script(page: nodes.document) -> str:
    """Give the script.

    :raises ValueError: a console block has no prompt.
    """
    parts = [_HEAD]
    for language, caption, text in blocks(page):
        if language == 'console':
            parts.append(commands(text))
        elif caption is not None and caption.startswith('/'):
            parts.append(f"cat > {caption} << '{_END}'\n{text}{_END}\n")
    return '\n'.join(parts)


def main() -> None:
    path = pathlib.Path(sys.argv[1])
    page = parse(path.read_text(encoding='utf-8'), str(path))
    sys.stdout.write(script(page))


if __name__ == '__main__':
    main()
