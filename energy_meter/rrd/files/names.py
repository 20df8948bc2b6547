# SPDX-License-Identifier: Apache-2.0

"""File names of probes: safe for any probe id, and reversible."""

import functools
import hashlib
import urllib.parse

SUFFIX = '.rrd'

#: File systems allow 255 characters. The rest is for the suffixes of
#: temporary files and of corrupt files that were set aside.
_MAX_NAME_LENGTH = 220

#: Prefix of hashed names. Percent-encoding escapes ``=``, so that no other
#: name starts with it.
_HASH_PREFIX = '='

#: Maximum number of names that are kept: each flush needs those of all probes.
_MAX_CACHED = 200_000


@functools.lru_cache(_MAX_CACHED)
def to_file(probe: str) -> str:
    """Return the file name of a probe.

    It consists of ASCII letters, digits and ``%-._~``. An id whose name would
    be too long is replaced by its SHA-256 hash.
    """
    name = urllib.parse.quote(probe, safe='') + SUFFIX
    if name.startswith('.'):
        name = '%2E' + name[1:]
    if len(name) <= _MAX_NAME_LENGTH:
        return name
    return _HASH_PREFIX + hashlib.sha256(probe.encode()).hexdigest() + SUFFIX


def to_probe(name: str) -> str | None:
    """Return the id of the probe whose file has this name.

    :returns: None for a hashed name, and for any other kind of file.
    """
    if not name.endswith(SUFFIX):
        return None
    probe = urllib.parse.unquote(name.removesuffix(SUFFIX), errors='replace')
    return probe if to_file(probe) == name else None
