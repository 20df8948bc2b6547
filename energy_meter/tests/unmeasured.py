# SPDX-License-Identifier: Apache-2.0

"""Parts of tests whose coverage is not measured.

To measure it takes two thirds of the time of a test that only computes. Tests
that repeat the same lines for many histories or on several databases go
without: shorter tests reach these lines.
"""

import coverage
import fixtures


class Unmeasured(fixtures.Fixture):
    """Pause of the measurement until the end of the test."""

    def _setUp(self) -> None:
        measured = coverage.Coverage.current()
        if measured is not None:
            measured.stop()
            self.addCleanup(measured.start)
