# SPDX-License-Identifier: Apache-2.0

"""Patterns of names, as shells write those of files."""

import collections.abc
import fnmatch
import re


def compile(patterns: collections.abc.Iterable[str]) -> re.Pattern[str]:
    """Give what matches the names that any of the patterns matches.

    Capital letters are told from small ones.
    """
    return re.compile('|'.join(map(fnmatch.translate, patterns)))
