# SPDX-License-Identifier: Apache-2.0

"""Faults of disks: they are full."""

import contextlib
import os
import pathlib
import pwd
import random
import unittest

import fixtures
from sqlalchemy import exc

from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import postgresql

_CHUNK = bytes(4096)


class Disk(fixtures.Fixture):
    """A small tmpfs that can be filled.

    Skips the test if it does not run as root.

    :param path: empty directory to mount it on.
    :param size: value of the mount option ``size``.
    :param user: owner of the file system.
    """

    def __init__(
        self, path: pathlib.Path, size: str, user: str = 'root'
    ) -> None:
        super().__init__()
        self._path, self._size, self._user = path, size, user
        self._ballast = path / 'ballast'

    def _setUp(self) -> None:
        if os.geteuid() != 0:
            raise unittest.SkipTest('mounting needs root')
        user = pwd.getpwnam(self._user)
        base.run(
            [
                'mount',
                '-t',
                'tmpfs',
                '-o',
                f'size={self._size},mode=700,uid={user.pw_uid},'
                f'gid={user.pw_gid}',
                'tmpfs',
                self._path,
            ]
        )
        self.addCleanup(base.run, ['umount', self._path])

    def fill(self) -> None:
        """Use up all space."""
        with (
            self._ballast.open('ab', buffering=0) as ballast,
            contextlib.suppress(OSError),
        ):
            while True:
                ballast.write(_CHUNK)

    def clear(self) -> None:
        """Free the space again."""
        self._ballast.unlink()


class AgentDiskFull(fault.Fault):
    """An agent cannot write its checkpoint."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self._name = rng.choice(installation.AGENTS)

    def prepare(self, site: installation.Installation) -> None:
        self._disk = site.useFixture(
            Disk(site.agents[self._name].directory / 'state', '256k')
        )

    def begin(self, site: installation.Installation) -> None:
        self._disk.fill()

    def has_effect(self, site: installation.Installation) -> bool:
        return (
            'Cannot save the checkpoint' in site.processes[self._name].output()
        )

    def end(self, site: installation.Installation) -> None:
        self._disk.clear()


class PostgreSQL(postgresql.PostgreSQL):
    """PostgreSQL server on a file system of its own.

    :ivar disk: that file system.
    """

    def prepare(self) -> None:
        data = self.directory / 'data'
        data.mkdir()
        self.disk = self.useFixture(Disk(data, '128m', self.user or 'root'))
        super().prepare()


class DatabaseDiskFull(fault.Fault):
    """The disk of the database is full.

    PostgreSQL then exits, so it is restarted once there is space again.
    """

    def prepare(self, site: installation.Installation) -> None:
        site.database = self._server = site.useFixture(PostgreSQL())

    def begin(self, site: installation.Installation) -> None:
        self._server.disk.fill()
        # Otherwise it keeps writing to space that it has already allocated.
        with contextlib.suppress(exc.DBAPIError):
            self._server.execute('SELECT pg_switch_wal()')

    def has_effect(self, site: installation.Installation) -> bool:
        return 'No space left on device' in self._server.output()

    def end(self, site: installation.Installation) -> None:
        self._server.disk.clear()
        self._server.start()
        base.wait_for(self._server.answers, 60, 'the database to respond')
