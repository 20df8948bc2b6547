# SPDX-License-Identifier: Apache-2.0

"""What is wrong with the files of a release is named."""

import importlib.util
import io
import pathlib
import tarfile
import zipfile

import fixtures
from oslotest import base

import energy_meter

CHECKOUT = pathlib.Path(energy_meter.__file__).parents[1]

VERSION = '1.2.3'
TRACKED = {
    '.gitignore',
    'LICENSE',
    'devstack/plugin.sh',
    'energy_meter/cmd/agent.py',
    'energy_meter/db/alembic.ini',
    'energy_meter/tests/test_agent.py',
    'etc/bash-completion/energy-meter-agent',
    'etc/energy_meter/generator.conf',
    'etc/systemd/energy-meter-agent.service',
}


def load():
    """Import tools/check_release.py, which does not belong to a package."""
    spec = importlib.util.spec_from_file_location(
        'check_release', CHECKOUT / 'tools/check_release.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_release = load()


class CheckReleaseTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.sdist = check_release.expected_in_sdist(TRACKED)
        self.wheel = check_release.expected_in_wheel(TRACKED, VERSION)

    def check(self) -> list[str]:
        """Write the files of a release, and return what is wrong."""
        name = f'energy_meter-{VERSION}'
        with tarfile.open(self.directory / f'{name}.tar.gz', 'w:gz') as sdist:
            for file in self.sdist | {'energy_meter.egg-info/SOURCES.txt'}:
                sdist.addfile(tarfile.TarInfo(f'{name}/{file}'), io.BytesIO())
        path = self.directory / f'{name}-py3-none-any.whl'
        with zipfile.ZipFile(path, 'w') as wheel:
            for file in self.wheel:
                is_data = file.startswith('share/')
                prefix = f'{name}.data/data/' if is_data else ''
                wheel.writestr(f'{prefix}{file}', '')
        return check_release.check(self.directory, VERSION, TRACKED)

    def test_complete_release_has_no_faults(self):
        self.assertEqual([], self.check())

    def test_file_for_operators_that_is_missing_is_named(self):
        missing = {
            'energy_meter/db/alembic.ini',
            'share/bash-completion/completions/energy-meter-agent',
            'share/energy_meter/energy_meter.conf.sample',
            'share/energy_meter/energy_meter.policy.yaml.sample',
            'share/energy_meter/systemd/energy-meter-agent.service',
            'share/man/man1/energy-meter-agent.1',
            f'energy_meter-{VERSION}.dist-info/licenses/LICENSE',
        }
        self.assertEqual(set(), missing - self.wheel)
        self.wheel -= missing

        self.assertEqual(
            {f'missing in the wheel: {file}' for file in missing},
            set(self.check()),
        )

    def test_tests_in_the_wheel_are_named(self):
        self.wheel.add('energy_meter/tests/test_agent.py')

        self.assertEqual(
            ['does not belong in the wheel: energy_meter/tests/test_agent.py'],
            self.check(),
        )

    def test_sdist_contains_what_git_has(self):
        missing = {
            'devstack/plugin.sh',
            'energy_meter/tests/test_agent.py',
            'etc/energy_meter/generator.conf',
        }
        self.assertEqual(set(), missing - self.sdist)
        self.sdist -= missing
        self.sdist.add('secrets.conf')

        self.assertEqual(
            {f'missing in the sdist: {file}' for file in missing}
            | {'does not belong in the sdist: secrets.conf'},
            set(self.check()),
        )

    def test_files_of_another_version_are_named(self):
        other = 'energy_meter-1.2.2.tar.gz'
        (self.directory / other).touch()

        self.assertEqual(
            [f'does not belong in the release: {other}'], self.check()
        )
