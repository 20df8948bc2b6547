# SPDX-License-Identifier: Apache-2.0

"""Count the tests in a subunit stream on standard input.

The last line of the output is `N passed, N failed, N skipped`. The exit status
is 1 if a test failed, if there were no tests, or if CI is true and a test was
skipped.
"""

import os
import sys

import subunit
import testtools


def main() -> int:
    """Print the skipped tests with their reasons, then the counts."""
    summary = testtools.StreamSummary()
    summary.startTestRun()
    subunit.ByteStreamToStreamResult(
        sys.stdin.buffer, non_subunit_name='stdout'
    ).run(summary)
    summary.stopTestRun()
    for test, reason in summary.skipped:
        print(f'skipped: {test.id()}: {reason}')
    skipped = len(summary.skipped)
    failed = len(summary.errors) + len(summary.unexpectedSuccesses)
    passed = summary.testsRun - skipped - failed
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    complete = skipped == 0 or os.environ.get('CI') != 'true'
    return 0 if passed and not failed and complete else 1


if __name__ == '__main__':
    sys.exit(main())
