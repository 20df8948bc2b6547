# SPDX-License-Identifier: Apache-2.0

"""Disks that are full."""

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
    """A small disk in memory that can be filled.

    A test that is not root is skipped.

    :param path: an empty directory, on which it is mounted.
    :param size: as mount takes it.
    :param user: to whom it belongs.
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
        """Leave no space on it."""
        with (
            self._ballast.open('ab', buffering=0) as ballast,
            contextlib.suppress(OSError),
        ):
            while True:
                ballast.write(_CHUNK)

    def clear(self) -> None:
        """End that."""
        self._ballast.unlink()


class AgentDiskFull(fault.Fault):
    """An agent can't write its journal."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance)
        self._name = chance.choice(installation.AGENTS)

    def prepare(self, site: installation.Installation) -> None:
        self._disk = site.useFixture(
            Disk(site.agents[self._name].directory / 'state', '256k')
        )

    def begin(self, site: installation.Installation) -> None:
        self._disk.fill()

    def has_effect(self, site: installation.Installation) -> bool:
        return (
            'The journal can not be written'
            in site.processes[self._name].output()
        )

    def end(self, site: installation.Installation) -> None:
        self._disk.clear()


class PostgreSQL(postgresql.PostgreSQL):
    """A PostgreSQL server with a disk of its own.

    :ivar disk: the disk.
    """

    def prepare(self) -> None:
        data = self.directory / 'data'
        data.mkdir()
        self.disk = self.useFixture(Disk(data, '128m', self.user or 'root'))
        super().prepare()


class DatabaseDiskFull(fault.Fault):
    """The database's disk is full.

    PostgreSQL then ends by itself; whoever made space starts it again.
    """

    def prepare(self, site: installation.Installation) -> None:
        site.database = self._server = site.useFixture(PostgreSQL())

    def begin(self, site: installation.Installation) -> None:
        self._server.disk.fill()
        # It would go on in the space that it has taken already.
        with contextlib.suppress(exc.DBAPIError):
            self._server.execute('SELECT pg_switch_wal()')

    def has_effect(self, site: installation.Installation) -> bool:
        return 'No space left on device' in self._server.output()

    def end(self, site: installation.Installation) -> None:
        self._server.disk.clear()
        self._server.start()
        base.wait_for(self._server.answers, 60, 'the database answers')
