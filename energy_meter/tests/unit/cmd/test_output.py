# SPDX-License-Identifier: Apache-2.0

"""Standard output of commands whose reader ends early."""

import os
import sys

import fixtures
from oslotest import base

from energy_meter.cmd import output


class ClosedPipeTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.reader, writer = os.pipe()
        self.useFixture(
            fixtures.MonkeyPatch('sys.stdout', os.fdopen(writer, 'w'))
        )
        # Closes the pipe after the test, which replaces the stream.
        self.addCleanup(sys.stdout.close)
        output.ignore_closed_pipe()

    def test_output_is_written_to_the_reader(self):
        self.addCleanup(os.close, self.reader)

        print('Voided é', flush=True)

        self.assertEqual('Voided é\n'.encode(), os.read(self.reader, 100))

    def test_output_after_the_reader_has_ended_is_discarded(self):
        os.close(self.reader)

        print('Voided ' * 100_000, flush=True)
        print('Removed', flush=True)
