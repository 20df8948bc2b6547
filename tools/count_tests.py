# SPDX-License-Identifier: Apache-2.0

"""Count the tests in a subunit stream on standard input.

The tests that failed are named, with the end of what they raised, and those
that were skipped. The last line of the output is `N passed, N failed, N
skipped`. The exit status is 1 if a test failed, if there were no tests, or if
CI is true and a test was skipped.
"""

import os
import sys
import textwrap

import subunit
import testtools

#: Number of lines of an error that are printed.
ERROR_LINES = 20


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
    failures = list(summary.errors)
    for test in summary.unexpectedSuccesses:
        failures.append((test, 'unexpected success'))
    # The output of the tests is long, and often only its end is at hand.
    for test, error in failures:
        end = '\n'.join(error.strip().splitlines()[-ERROR_LINES:])
        print(f'failed: {test.id()}\n{textwrap.indent(end, "    ")}')
    skipped, failed = len(summary.skipped), len(failures)
    passed = summary.testsRun - skipped - failed
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    complete = skipped == 0 or os.environ.get('CI') != 'true'
    return 0 if passed and not failed and complete else 1


if __name__ == '__main__':
    sys.exit(main())
