# SPDX-License-Identifier: Apache-2.0

"""Faults of backups of the database."""

import random

from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import reconciliation
from energy_meter.tests.functional.services import base


class RestoredDatabase(fault.Fault):
    """The database is restored from a backup, and the agents fill it again.

    One agent restarts meanwhile, so the restored database does not know the
    register that ended, nor the end of the one before.
    """

    cost = fault.Cost.COVERAGE

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self._name = rng.choice(installation.AGENTS)

    def begin(self, site: installation.Installation) -> None:
        self._backup = site.site.directory / 'backup'
        base.run(
            [
                'pg_dump',
                '--format=custom',
                f'--file={self._backup}',
                _url(site),
            ]
        )
        for _ in range(2):
            site.processes[self._name].stop()
            site.processes[self._name].start()
        self._newest = site.newest(self._name)

    def has_effect(self, site: installation.Installation) -> bool:
        return reconciliation.has_arrived(site, self._newest)

    def end(self, site: installation.Installation) -> None:
        readers = (*installation.COLLECTORS, 'api')
        for name in readers:
            site.processes[name].stop()
        base.run(
            [
                'pg_restore',
                '--clean',
                '--if-exists',
                '--exit-on-error',
                f'--dbname={_url(site)}',
                self._backup,
            ]
        )
        if reconciliation.has_arrived(site, self._newest):
            raise AssertionError('the backup contains what came after it')
        for name in readers:
            site.processes[name].start()
        for name in installation.AGENTS:
            process = site.processes[name]
            process.stop()
            process.argv.append('--announce')
            process.start()


def _url(site: installation.Installation) -> str:
    """Return the URL of the database for the programs of PostgreSQL."""
    return site.url.replace('postgresql+psycopg:', 'postgresql:')
