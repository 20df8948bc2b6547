# SPDX-License-Identifier: Apache-2.0

"""The tool for releases, and what its files install."""

import os
import pathlib
import shutil
import subprocess
import sys
import venv

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import stack

VERSION = '1.2.3'

#: Independent of the configuration of the user who runs the tests.
GIT = {
    'GIT_CONFIG_GLOBAL': os.devnull,
    'GIT_CONFIG_SYSTEM': os.devnull,
    'GIT_AUTHOR_NAME': 'test',
    'GIT_AUTHOR_EMAIL': 'test@localhost',
    'GIT_COMMITTER_NAME': 'test',
    'GIT_COMMITTER_EMAIL': 'test@localhost',
}

#: Loads all entry points whose libraries the test environment has.
LOAD = """
import importlib.metadata
distribution = importlib.metadata.distribution('energy-meter')
for entry in distribution.entry_points:
    if entry.group != 'cloudkitty.collector.backends':
        entry.load()
print(distribution.version, distribution.locate_file('energy_meter'))
"""


class Checkout(fixtures.Fixture):
    """A git checkout in a temporary directory."""

    def _setUp(self) -> None:
        base.require('git')
        self.path = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path, 'checkout'
        )
        base.run(['git', 'init', '--quiet', self.path], env=GIT)

    def git(self, *arguments: str | os.PathLike) -> None:
        base.run(['git', *arguments], cwd=self.path, env=GIT)

    def commit(self, source: pathlib.Path | None = None) -> None:
        """Commit all files of a directory, by default of this checkout."""
        tree = source or self.path
        self.git('--git-dir=.git', f'--work-tree={tree}', 'add', '--all')
        self.git('commit', '--quiet', '--message', 'Change')
        self.git('reset', '--quiet', '--hard')

    def tag(self, *options: str) -> None:
        self.git('tag', *(options or ('--message', 'Release')), VERSION)

    def release(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run the tool of this checkout."""
        tool = self.path / 'tools/release.sh'
        return subprocess.run(
            [tool, '--venv', sys.prefix, *arguments],
            env={**os.environ, **GIT},
            timeout=240,
            capture_output=True,
            text=True,
        )


class RefusalTest(test_base.BaseTestCase):
    """What the tool finds before it builds."""

    def setUp(self):
        super().setUp()
        self.checkout = self.useFixture(Checkout())
        tools = self.checkout.path / 'tools'
        tools.mkdir()
        for name in ('release.sh', 'functions.sh'):
            shutil.copy(stack.CHECKOUT / 'tools' / name, tools)
        self.add_note('first')

    def add_note(self, name: str) -> None:
        notes = self.checkout.path / 'releasenotes/notes'
        notes.mkdir(parents=True, exist_ok=True)
        (notes / f'{name}-0123456789abcdef.yaml').write_text(
            'features: [It is new.]\n'
        )
        self.checkout.commit()

    def assert_refused(self, message: str, *arguments: str) -> None:
        done = self.checkout.release(*arguments)

        self.assertIn(message, done.stderr)
        self.assertEqual((1, ''), (done.returncode, done.stdout))

    def test_files_that_are_not_committed_are_named(self):
        self.checkout.tag()
        (self.checkout.path / 'uncommitted.txt').touch()

        self.assert_refused('uncommitted.txt', VERSION)

    def test_version_without_a_tag_is_refused(self):
        self.assert_refused(f'there is no tag {VERSION}', VERSION)

    def test_tag_of_an_older_commit_is_refused(self):
        self.checkout.tag()
        self.add_note('second')

        self.assert_refused('not that of the current commit', VERSION)

    def test_tag_without_an_author_is_refused(self):
        self.checkout.tag('--no-sign')

        self.assert_refused('is not annotated', VERSION)

    def test_release_without_a_new_note_is_refused(self):
        self.checkout.tag()
        (self.checkout.path / 'code.py').touch()
        self.checkout.commit()

        self.assert_refused(
            f'no release note was added since {VERSION}', '--dry-run', '1.2.4'
        )

    def test_release_note_with_an_unknown_section_is_refused(self):
        note = self.checkout.path / 'releasenotes/notes'
        (note / 'bad-0123456789abcdee.yaml').write_text('featurs: [It is.]\n')
        self.checkout.commit()

        self.assert_refused('correct the release notes', '--dry-run', VERSION)

    def test_what_is_not_a_version_is_refused(self):
        self.assert_refused('v1.2.3 is not a version', 'v1.2.3')

    def test_help_checks_nothing(self):
        done = self.checkout.release('--help')

        self.assertIn('--dry-run', done.stdout)
        self.assertEqual((0, ''), (done.returncode, done.stderr))


class ReleaseTest(test_base.BaseTestCase):
    def install(self, wheel: pathlib.Path) -> pathlib.Path:
        """Install a wheel into a clean virtual environment.

        It imports the libraries of the test environment; what that has
        installed in editable mode is not visible.
        """
        clean = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        venv.create(clean)
        base.run(
            [
                sys.executable,
                '-m',
                'pip',
                f'--python={clean}/bin/python',
                'install',
                '--quiet',
                '--no-compile',
                '--no-deps',
                '--no-index',
                wheel,
            ]
        )
        site = next(clean.glob('lib/python*/site-packages'))
        libraries = pathlib.Path(fixtures.__file__).parents[1]
        (site / 'libraries.pth').write_text(f'{libraries}\n')
        return clean

    def test_release_installs_in_a_clean_environment(self):
        checkout = self.useFixture(Checkout())
        checkout.commit(stack.CHECKOUT)
        checkout.tag()

        done = checkout.release(VERSION)

        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn(f'git push REMOTE {VERSION}', done.stdout)
        self.assertIn(f'  dist/energy_meter-{VERSION}.tar.gz\n', done.stdout)
        wheel = f'dist/energy_meter-{VERSION}-py3-none-any.whl'
        clean = self.install(checkout.path / wheel)
        environment = {'PYTHONPATH': ''}
        version, package = base.run(
            [clean / 'bin/python', '-c', LOAD], env=environment, cwd=clean
        ).split()
        self.assertEqual(VERSION, version)
        self.assertTrue(package.startswith(os.fspath(clean)), package)
        self.assertFalse(pathlib.Path(package, 'tests').exists())
        self.assertIn(
            VERSION,
            base.run(
                [clean / 'bin/energy-meter-agent', '--version'],
                env=environment,
            ),
        )
        self.assertIn(
            '.TH "ENERGY-METER-AGENT" "1"',
            (clean / 'share/man/man1/energy-meter-agent.1').read_text()[:2000],
        )
        sample = clean / 'share/energy_meter/energy_meter.conf.sample'
        self.assertTrue(sample.read_text().startswith('[DEFAULT]'))
