# SPDX-License-Identifier: Apache-2.0

"""The release before this one, and one that comes after it."""

import abc
import pathlib
import re
import shutil
import zipfile

import fixtures

import energy_meter
from energy_meter.db import migration
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands

_PACKAGE = pathlib.Path(energy_meter.__file__).parent

#: What the newer release changes in a file: a pattern, which occurs once, and
#: its replacement. Registers have one more field on the bus.
_CHANGES = (
    ('bus/envelope.py', r'\nVERSION = ', r'\g<0>1 + '),
    ('bus/content.py', r'    synced: bool\n', r'\g<0>    tariff: int\n'),
    ('bus/body.py', r"'synced': series\.synced,", r"\g<0> 'tariff': 1,"),
)

_MIGRATION = f"""
from alembic import op
import sqlalchemy as sa

revision = '9999'
down_revision = '{migration.head()}'


def upgrade():
    op.add_column('probe', sa.Column('tariff', sa.Integer))
"""


class Release(fixtures.Fixture, abc.ABC):
    """Package of a release that runs with the libraries of the tests.

    :ivar environment: variables of its commands.
    """

    def _setUp(self) -> None:
        path = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self.environment = {'PYTHONPATH': path}
        self._install(pathlib.Path(path))

    @abc.abstractmethod
    def _install(self, path: pathlib.Path) -> None:
        """Write the package to a directory."""

    def run(self, configuration: commands.Configuration, *command: str) -> str:
        """Run a command of the release and return its output."""
        name, *arguments = command
        return base.run(
            [
                commands.script(name),
                '--config-file',
                configuration.path,
                *arguments,
            ],
            env=self.environment,
        )


class Older(Release):
    """The release of the wheel in this directory.

    :ivar version: its version.
    """

    def _install(self, path: pathlib.Path) -> None:
        (wheel,) = pathlib.Path(__file__).parent.glob('*.whl')
        self.version = wheel.name.split('-')[1]
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(path)


class Newer(Release):
    """This release with another message format and schema."""

    def _install(self, path: pathlib.Path) -> None:
        copy = path / _PACKAGE.name
        shutil.copytree(_PACKAGE, copy, ignore=shutil.ignore_patterns('tests'))
        for file, pattern, replacement in _CHANGES:
            text = (copy / file).read_text()
            text, count = re.subn(pattern, replacement, text)
            assert count == 1, f'{pattern} occurs {count} times in {file}'
            (copy / file).write_text(text)
        versions = copy / 'db' / 'alembic' / 'versions'
        (versions / '9999_newer.py').write_text(_MIGRATION)
