# SPDX-License-Identifier: Apache-2.0

"""Tests for SIGHUP while a process starts."""

import signal
import subprocess
import sys

from oslotest import base

from energy_meter import hangup


class HangupTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        handler = signal.getsignal(signal.SIGHUP)
        self.addCleanup(signal.signal, signal.SIGHUP, handler)
        self.reloads = 0

    def reload(self) -> None:
        self.reloads += 1

    def test_held_signals_reload_once(self):
        hangup.hold()
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)

        hangup.deliver(self.reload)

        self.assertEqual(1, self.reloads)

    def test_start_without_signal_does_not_reload(self):
        hangup.hold()

        hangup.deliver(self.reload)

        self.assertEqual(0, self.reloads)

    def test_later_signals_reload_each(self):
        hangup.hold()
        hangup.deliver(self.reload)

        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)

        self.assertEqual(2, self.reloads)


class LaunchTest(base.BaseTestCase):
    def test_scripts_load_no_library_before_the_signal_is_held(self):
        script = (
            'import sys\n'
            'before = set(sys.modules)\n'
            'import energy_meter.launch\n'
            'print(*{name.split(".")[0] for name in sys.modules}'
            ' - {*before, *sys.stdlib_module_names})\n'
        )

        output = subprocess.run(
            [sys.executable, '-c', script],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

        self.assertEqual(['energy_meter'], output.split())
