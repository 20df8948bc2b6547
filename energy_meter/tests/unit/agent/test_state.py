# SPDX-License-Identifier: Apache-2.0

"""Identity of an agent, and robustness of its state directory."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import uuid

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.agent import state

_LOCK_SCRIPT = """
import sys
from energy_meter.agent import state
locked = state.StateDirectory(sys.argv[1])
print('locked', flush=True)
sys.stdin.read()
"""


class StateTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = (
            pathlib.Path(self.useFixture(fixtures.TempDir()).path)
            / 'a'
            / 'state'
        )

    def open(self, path=None):
        directory = state.StateDirectory(path or self.path)
        self.addCleanup(directory.close)
        return directory

    def identify(self, path=None, host=None):
        """Return the UUID of an agent that starts and ends."""
        directory = state.StateDirectory(path or self.path)
        try:
            return directory.identify(host)
        finally:
            directory.close()

    def move(self, **changes):
        """Simulate another machine."""
        if 'host' in changes:
            self.useFixture(
                fixtures.MonkeyPatch(
                    'socket.gethostname', lambda: changes['host']
                )
            )
        if 'machine_id' in changes:
            path = self.create_tempfiles([('id', changes['machine_id'])])[0]
            self.useFixture(
                fixtures.MockPatchObject(
                    state, '_MACHINE_ID', pathlib.Path(path)
                )
            )

    def test_files_are_not_accessible_by_other_users(self):
        self.path.mkdir(parents=True, mode=0o755)
        self.identify()

        for path in self.path.iterdir():
            self.assertEqual(0, path.stat().st_mode & 0o007, path)

    def test_directory_can_be_closed_twice(self):
        directory = self.open()
        directory.close()

        directory.close()

    def test_missing_directory_is_created_without_access_by_others(self):
        self.open()

        self.assertTrue(self.path.is_dir())
        self.assertEqual(0, self.path.stat().st_mode & 0o007)

    def test_restart_keeps_uuid(self):
        identities = {self.identify() for _ in range(3)}

        (identity,) = identities
        uuid.UUID(identity)

    def test_clone_with_different_host_name_is_a_different_agent(self):
        original = self.identify()

        self.move(host='clone')

        clone = self.identify()
        self.assertNotEqual(original, clone)
        self.assertEqual(clone, self.identify())

    def test_configured_host_stands_for_the_host_name(self):
        # Given a container, which has a new host name at every start,
        original = self.identify(host='meter-1')
        self.move(host='f3a9c2')

        self.assertEqual(original, self.identify(host='meter-1'))
        self.assertNotEqual(original, self.identify(host='meter-2'))

    def test_clone_on_different_machine_is_a_different_agent(self):
        self.move(machine_id='0123456789abcdef\n')
        original = self.identify()
        copy = self.path.with_name('copy')
        shutil.copytree(self.path, copy)

        self.move(machine_id='fedcba9876543210\n')

        self.assertNotEqual(original, self.identify(copy))

    def test_machine_without_id_is_identified_by_host_name(self):
        self.useFixture(
            fixtures.MockPatchObject(
                state, '_MACHINE_ID', self.path / 'missing'
            )
        )

        self.assertEqual(self.identify(), self.identify())

    def test_directory_is_locked_against_second_agent(self):
        self.open()

        error = self.assertRaises(exception.StateLocked, self.open)

        self.assertIn(str(self.path), str(error))
        self.assertIn('needs its own state_path', str(error))

    def test_lock_of_killed_agent_is_released(self):
        # Given another process that locks the directory,
        other = subprocess.Popen(
            [sys.executable, '-c', _LOCK_SCRIPT, self.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(other.communicate)
        self.addCleanup(other.kill)
        other.stdout.readline()
        self.assertRaises(exception.StateLocked, self.open)

        # when that process is killed,
        other.kill()
        other.wait()

        # then the directory can be locked again.
        self.open()

    def test_directory_that_cannot_be_created_is_an_error(self):
        path = self.create_tempfiles([('file', '')])[0]

        error = self.assertRaises(
            exception.StateUnusable, self.open, f'{path}/state'
        )

        self.assertEqual(f'{path}/state: Not a directory', str(error))

    def test_written_content_is_read(self):
        directory = self.open()

        directory.write('file', {'a': [1, 2.5, 'ü']})

        self.assertEqual(
            {'a': [1, 2.5, 'ü']},
            directory.read('file', lambda content: content),
        )

    def test_missing_file_is_read_as_none(self):
        self.assertIsNone(self.open().read('file', self.fail))

    def test_corrupt_file_is_an_error_with_advice(self):
        directory = self.open()
        for text in (
            '',
            '[1, 2',
            '\xff',
            '{"uuid": 1}',
            '[]',
            'null',
            '{"uuid": "x", "machine": []}',
        ):
            (self.path / 'agent.json').write_text(text, 'latin-1')

            error = self.assertRaises(
                exception.StateUnusable, directory.identify
            )

            self.assertIn(
                f'{self.path}/agent.json: corrupt; move it away',
                str(error),
                text,
            )

    def test_failed_write_keeps_the_old_content(self):
        directory = self.open()
        directory.write('file', 'before')

        with fixtures.MockPatchObject(
            os, 'fsync', side_effect=OSError(28, 'No space left on device')
        ):
            error = self.assertRaises(
                exception.StateUnusable, directory.write, 'file', 'after'
            )

        self.assertEqual(
            f'{self.path}/file: No space left on device', str(error)
        )
        self.assertEqual(
            'before', json.loads((self.path / 'file').read_bytes())
        )

    def test_identity_that_cannot_be_stored_is_an_error(self):
        directory = self.open()

        with fixtures.MockPatchObject(
            os, 'fsync', side_effect=OSError(5, 'Input/output error')
        ):
            self.assertRaises(exception.StateUnusable, directory.identify)

    def test_corrupt_file_can_be_set_aside(self):
        directory = self.open()
        (self.path / 'file').write_text('[')

        self.assertEqual('file.corrupt', directory.set_aside('file'))

        self.assertIsNone(directory.read('file', self.fail))
        self.assertEqual('[', (self.path / 'file.corrupt').read_text())

    def test_file_that_cannot_be_set_aside_is_an_error(self):
        error = self.assertRaises(
            exception.StateUnusable, self.open().set_aside, 'missing'
        )

        self.assertIn('No such file', str(error))
