# SPDX-License-Identifier: Apache-2.0


"""A private rrdcached."""

import pathlib
import socket

from energy_meter.tests.functional.services import base


class RRDCached(base.Process):
    """A daemon that writes files only when it is asked to.

    :param files: the directory of the RRD files.
    :ivar socket: where it listens.
    """

    def __init__(self, files: pathlib.Path) -> None:
        super().__init__(['rrdcached'], ready=self._answers)
        self._files = files

    def prepare(self) -> None:
        """Set its directories."""
        self.socket = str(self.directory / 'socket')
        self.argv += [
            '-g',
            '-l',
            f'unix:{self.socket}',
            '-w',
            '3600',
            '-z',
            '1',
            '-p',
            str(self.directory / 'pid'),
            '-j',
            str(self.directory),
            '-b',
            str(self._files),
        ]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(self.socket) == 0
