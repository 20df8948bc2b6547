# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Patterns of names, as shells write those of files."""

import collections.abc
import fnmatch
import re


def compile(patterns: collections.abc.Iterable[str]) -> re.Pattern[str]:
    """Give what matches the names that any of the patterns matches.

    Capital letters are told from small ones.
    """
    return re.compile('|'.join(map(fnmatch.translate, patterns)))
