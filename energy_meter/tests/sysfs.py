# SPDX-License-Identifier: Apache-2.0

"""Directory trees in the format of sysfs."""

import collections.abc
import pathlib

import fixtures


class Tree(fixtures.Fixture):
    """Directory with attributes, and with links to directories.

    :param attributes: text of each path. For a link, it is ``->`` and the
        target.
    """

    def __init__(self, attributes: collections.abc.Mapping[str, str]) -> None:
        super().__init__()
        self._attributes = attributes

    def _setUp(self) -> None:
        self.path = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        for name, text in self._attributes.items():
            self.set(name, text)

    def set(self, name: str, text: str) -> None:
        """Write an attribute, or create a link."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith('->'):
            path.symlink_to(text.removeprefix('->'))
        else:
            path.write_text(f'{text}\n')
