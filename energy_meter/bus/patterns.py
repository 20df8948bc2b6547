# SPDX-License-Identifier: Apache-2.0

"""Shell-style patterns of names."""

import collections.abc
import fnmatch
import re


def compile(patterns: collections.abc.Iterable[str]) -> re.Pattern[str]:
    """Return a regular expression for names that match any of the patterns.

    It is case-sensitive.
    """
    return re.compile('|'.join(map(fnmatch.translate, patterns)))
