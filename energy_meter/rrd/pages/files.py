# SPDX-License-Identifier: Apache-2.0


"""The style sheet, the scripts and the icon of the pages."""

import hashlib
from importlib import resources
import mimetypes
import typing

import webob

#: Their URLs change with them, so that browsers need never ask.
_FOREVER = 'public, max-age=31536000, immutable'


class _File(typing.NamedTuple):
    content: bytes
    content_type: str
    version: str


class Files:
    """All of them, in memory: a name that is not among them is nothing."""

    def __init__(self) -> None:
        directory = resources.files('energy_meter.rrd.pages') / 'static'
        self._files = {
            item.name: _read(item.name, item.read_bytes())
            for item in directory.iterdir()
        }

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def url(self, root: str, name: str) -> str:
        """Give the URL of a file.

        :param root: URL of the application.
        """
        return f'{root}/static/{name}?v={self._files[name].version}'

    def answer(self, name: str) -> webob.Response:
        file = self._files[name]
        response = webob.Response(
            body=file.content, content_type=file.content_type
        )
        response.headers['Cache-Control'] = _FOREVER
        return response


def _read(name: str, content: bytes) -> _File:
    content_type, _ = mimetypes.guess_type(name)
    return _File(
        content,
        content_type or 'application/octet-stream',
        hashlib.sha256(content).hexdigest()[:12],
    )
