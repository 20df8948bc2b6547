# SPDX-License-Identifier: Apache-2.0

"""Style sheet, scripts and icon of the pages."""

import hashlib
from importlib import resources
import mimetypes
import typing

import webob

#: URLs contain a hash of the content, so browsers may cache them forever.
_CACHE_CONTROL = 'public, max-age=31536000, immutable'


class _File(typing.NamedTuple):
    content: bytes
    content_type: str
    version: str


class StaticFiles:
    """Static files, loaded into memory so that a name can't become a path."""

    def __init__(self) -> None:
        directory = resources.files('energy_meter.rrd.pages') / 'static'
        self._files = {
            file.name: _load(file.name, file.read_bytes())
            for file in directory.iterdir()
        }

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def url(self, root: str, name: str) -> str:
        """Return the URL of a file.

        :param root: URL of the application.
        """
        return f'{root}/static/{name}?v={self._files[name].version}'

    def response(self, name: str) -> webob.Response:
        """Return the response that contains a file."""
        file = self._files[name]
        response = webob.Response(
            body=file.content, content_type=file.content_type
        )
        response.headers['Cache-Control'] = _CACHE_CONTROL
        return response


def _load(name: str, content: bytes) -> _File:
    content_type, _ = mimetypes.guess_type(name)
    return _File(
        content,
        content_type or 'application/octet-stream',
        hashlib.sha256(content).hexdigest()[:12],
    )
