# SPDX-License-Identifier: Apache-2.0

"""Count the tests in a subunit stream on standard input.

The tests that failed are named, and those that were skipped. The last line of
the output is `N passed, N failed, N skipped`. The exit status is 1 if a test
failed, if there were no tests, or if CI is true and a test was skipped.
"""

import os
import sys

import subunit
import testtools


def main() -> int:
    """Print the failed tests, the skipped ones with reasons, and counts."""
    summary = testtools.StreamSummary()
    summary.startTestRun()
    subunit.ByteStreamToStreamResult(
        sys.stdin.buffer, non_subunit_name='stdout'
    ).run(summary)
    summary.stopTestRun()
    for test, reason in summary.skipped:
        print(f'skipped: {test.id()}: {reason}')
    failures = [test for test, _ in summary.errors]
    failures += summary.unexpectedSuccesses
    # The output of the tests is long, and often only its end is at hand.
    for test in failures:
        print(f'failed: {test.id()}')
    skipped, failed = len(summary.skipped), len(failures)
    passed = summary.testsRun - skipped - failed
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    complete = skipped == 0 or os.environ.get('CI') != 'true'
    return 0 if passed and not failed and complete else 1


if __name__ == '__main__':
    sys.exit(main())
