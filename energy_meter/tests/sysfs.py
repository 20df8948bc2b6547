# SPDX-License-Identifier: Apache-2.0

"""Makes trees that look like sysfs, for tests."""

import collections.abc
import pathlib

import fixtures


class Tree(fixtures.Fixture):
    """A directory with attributes, and links to directories.

    :param attributes: of each path its text; the text of a link begins
        with ``->``.
    """

    def __init__(self, attributes: collections.abc.Mapping[str, str]) -> None:
        super().__init__()
        self._attributes = attributes

    def _setUp(self) -> None:
        self.path = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for name, text in self._attributes.items():
            self.set(name, text)

    def set(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith('->'):
            path.symlink_to(text.removeprefix('->'))
        else:
            path.write_text(f'{text}\n')
