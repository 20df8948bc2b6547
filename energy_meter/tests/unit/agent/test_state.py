# SPDX-License-Identifier: Apache-2.0

"""An agent knows who it is, whatever happened to its directory."""

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

_HOLD = """
import sys
from energy_meter.agent import state
held = state.StateDirectory(sys.argv[1])
print('held', flush=True)
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

    def identify(self, path=None):
        """Be an agent that starts, tells who it is and ends."""
        directory = state.StateDirectory(path or self.path)
        try:
            return directory.identify()
        finally:
            directory.close()

    def move(self, **changes):
        """Be on another machine from now on."""
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

    def test_nobody_else_reads_its_files(self):
        self.path.mkdir(parents=True, mode=0o755)
        self.identify()

        for path in self.path.iterdir():
            self.assertEqual(0, path.stat().st_mode & 0o007, path)

    def test_it_may_be_closed_twice(self):
        directory = self.open()
        directory.close()

        directory.close()

    def test_the_directory_is_made_for_its_owner(self):
        self.open()

        self.assertTrue(self.path.is_dir())
        self.assertEqual(0, self.path.stat().st_mode & 0o007)

    def test_an_agent_stays_itself_in_another_incarnation(self):
        known = [self.identify() for _ in range(3)]

        self.assertEqual(1, len({identity.uuid for identity in known}))
        self.assertEqual(
            [1, 2, 3], [identity.incarnation for identity in known]
        )
        uuid.UUID(known[0].uuid)

    def test_incarnations_are_told_apart_while_it_runs(self):
        directory = self.open()

        self.assertEqual(
            [1, 2], [directory.identify().incarnation for _ in range(2)]
        )

    def test_a_clone_with_another_host_name_is_another_agent(self):
        original = self.identify()

        self.move(host='clone')

        clone = self.identify()
        self.assertNotEqual(original.uuid, clone.uuid)
        self.assertEqual(1, clone.incarnation)
        self.assertEqual(clone.uuid, self.identify().uuid)

    def test_a_clone_on_another_machine_is_another_agent(self):
        self.move(machine_id='0123456789abcdef\n')
        original = self.identify()
        copy = self.path.with_name('copy')
        shutil.copytree(self.path, copy)

        self.move(machine_id='fedcba9876543210\n')

        self.assertNotEqual(original.uuid, self.identify(copy).uuid)

    def test_a_machine_without_an_id_has_its_name(self):
        self.useFixture(
            fixtures.MockPatchObject(
                state, '_MACHINE_ID', self.path / 'missing'
            )
        )

        self.assertEqual(self.identify().uuid, self.identify().uuid)

    def test_two_agents_can_not_share_it(self):
        self.open()

        error = self.assertRaises(exception.StateInUse, self.open)

        self.assertIn(str(self.path), str(error))
        self.assertIn('one agent per state_path', str(error))

    def test_an_agent_that_was_killed_leaves_it_free(self):
        # Given another process that holds it,
        other = subprocess.Popen(  # noqa: S603
            [sys.executable, '-c', _HOLD, self.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.addCleanup(other.communicate)
        self.addCleanup(other.kill)
        other.stdout.readline()
        self.assertRaises(exception.StateInUse, self.open)

        # when that is killed,
        other.kill()
        other.wait()

        # then nothing is left in the way.
        self.open()

    def test_a_directory_that_can_not_be_made_is_told(self):
        path = self.create_tempfiles([('file', '')])[0]

        error = self.assertRaises(
            exception.StateUnusable, self.open, f'{path}/state'
        )

        self.assertEqual(f'{path}/state: Not a directory', str(error))

    def test_what_is_written_is_read(self):
        directory = self.open()

        directory.write('file', {'a': [1, 2.5, 'ü']})

        self.assertEqual(
            {'a': [1, 2.5, 'ü']},
            directory.read('file', lambda content: content),
        )

    def test_a_file_that_was_never_written_is_none(self):
        self.assertIsNone(self.open().read('file', self.fail))

    def test_a_damaged_file_is_told_and_what_to_do(self):
        directory = self.open()
        for text in (
            '',
            '[1, 2',
            '\xff',
            '{"uuid": 1}',
            '[]',
            'null',
            '{"uuid": "x", "incarnation": 1, "machine": []}',
        ):
            (self.path / 'agent.json').write_text(text, 'latin-1')

            error = self.assertRaises(
                exception.StateUnusable, directory.identify
            )

            self.assertIn(
                f'{self.path}/agent.json: damaged; move it away',
                str(error),
                text,
            )

    def test_a_failed_write_leaves_the_file_whole(self):
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

    def test_an_incarnation_that_can_not_be_kept_is_none(self):
        directory = self.open()
        directory.identify()

        with fixtures.MockPatchObject(
            os, 'fsync', side_effect=OSError(5, 'Input/output error')
        ):
            self.assertRaises(exception.StateUnusable, directory.identify)

        self.assertEqual(2, directory.identify().incarnation)
