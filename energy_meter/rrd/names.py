# SPDX-License-Identifier: Apache-2.0


"""File names of probes: safe for any id, and reversible."""

import hashlib
import urllib.parse

SUFFIX = '.rrd'

#: Longest name. File systems take 255 characters; the rest is room for
#: suffixes of files that are being made or are set aside.
_LONGEST = 220

#: Begins the names of ids that are too long; no other name can begin so.
_HASHED = '='


def to_file(probe: str) -> str:
    """Give the name of a probe's file.

    It has letters and digits of ASCII and ``%-._~`` only. An id that would
    make it too long is replaced by its hash.
    """
    name = urllib.parse.quote(probe, safe='') + SUFFIX
    if name.startswith('.'):
        name = '%2E' + name[1:]
    if len(name) <= _LONGEST:
        return name
    return _HASHED + hashlib.sha256(probe.encode()).hexdigest() + SUFFIX


def to_probe(name: str) -> str | None:
    """Give the probe whose file has this name.

    :returns: None for the name of a long id, and of any other file.
    """
    if not name.endswith(SUFFIX):
        return None
    probe = urllib.parse.unquote(name.removesuffix(SUFFIX), errors='replace')
    return probe if to_file(probe) == name else None
