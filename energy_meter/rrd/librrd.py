# SPDX-License-Identifier: Apache-2.0


"""The rrdtool library, made safe for threads."""

import collections.abc
import ctypes
import os
import threading
import typing

import rrdtool

from energy_meter import exception

#: Name of the one data source in a file.
SOURCE = 'watts'

AVERAGE, MINIMUM, MAXIMUM = 'AVERAGE', 'MIN', 'MAX'

# With this variable rrdtool would talk to rrdcached by itself, and lose
# without a word what is written while that is down.
os.environ.pop('RRDCACHED_ADDRESS', None)

#: rrdtool wants no limit below this.
_FEWEST_ROWS = 10

#: The library below the module, which lacks a function.
_LIBRARY = ctypes.CDLL(rrdtool.__file__)
_LIBRARY.rrd_get_error.restype = ctypes.c_char_p

#: rrdtool parses times and draws with variables of the whole process.
_LOCK = threading.Lock()


class Rows(typing.NamedTuple):
    """What is kept of a time.

    :ivar start: when the first row begins, in seconds since the epoch.
    :ivar step: seconds of a row.
    :ivar values: power, in watts; None where it is unknown.
    """

    start: int
    step: int
    values: list[float | None]


def definition(name: str, path: str, function: str) -> str:
    """Give the DEF that reads a file.

    :param name: by which other definitions speak of it.
    """
    return f'DEF:{name}={escape(path)}:{SOURCE}:{function}'


def sum_of(names: collections.abc.Sequence[str]) -> str:
    """Give the expression for a sum; what is unknown adds nothing.

    :param names: of definitions, at least one.
    """
    return names[0] + ''.join(f',{name},ADDNAN' for name in names[1:])


def unknown_of(names: collections.abc.Sequence[str]) -> str:
    """Give the expression that tells how many are unknown.

    :param names: of definitions, at least one.
    """
    return f'{names[0]},UN' + ''.join(f',{name},UN,+' for name in names[1:])


def escape(text: str) -> str:
    """Make a text part of a definition."""
    return text.replace(':', '\\:')


def _call(
    function: collections.abc.Callable[..., typing.Any], *arguments: str
) -> typing.Any:
    try:
        with _LOCK:
            return function(*arguments)
    except (rrdtool.OperationalError, rrdtool.ProgrammingError) as error:
        # On a full disk it says nothing at all.
        raise exception.RRDError(reason=str(error) or 'no reason given')


def create(path: str, *arguments: str) -> None:
    """Make a file.

    :raises RRDError: when it can't be made; as are all errors below.
    """
    _call(rrdtool.create, path, *arguments)


def tune(path: str, *arguments: str) -> None:
    """Change how a file is made."""
    _call(rrdtool.tune, path, *arguments)


def dump(path: str, text: str) -> None:
    """Write a file as XML."""
    _call(rrdtool.dump, path, text)


def restore(text: str, path: str) -> None:
    """Make a file from XML."""
    words = ('restore', text, path)
    arguments = (ctypes.c_char_p * len(words))(*map(os.fsencode, words))
    with _LOCK:
        if _LIBRARY.rrd_restore(len(words), arguments):
            reason = _LIBRARY.rrd_get_error().decode(errors='replace')
            _LIBRARY.rrd_clear_error()
            raise exception.RRDError(reason=reason)


def update(path: str, *points: str) -> None:
    """Write points, each as ``time:value``; stops at the first bad one."""
    _call(rrdtool.update, path, *points)


def info(path: str) -> dict[str, typing.Any]:
    """Tell how a file is made."""
    return _call(rrdtool.info, path)


def last(path: str) -> int:
    """Tell when a file was last updated, in seconds since the epoch."""
    return _call(rrdtool.last, path)


def fetch(path: str, function: str, start: int, end: int, step: int) -> Rows:
    """Read rows of a file.

    :param function: :data:`AVERAGE`, :data:`MINIMUM` or :data:`MAXIMUM`.
    :param step: seconds of a row that are wished.
    """
    (begin, _, width), _, rows = _call(
        rrdtool.fetch,
        path,
        function,
        '--start',
        str(start),
        '--end',
        str(end - 1),
        '--resolution',
        str(step),
    )
    return Rows(begin, width, [row[0] for row in rows])


def export(start: int, end: int, step: int, *definitions: str) -> Rows:
    """Compute rows from several files.

    :param start: multiple of ``step``, as is ``end``.
    :param definitions: DEF, CDEF and one XPORT, as rrdtool reads them.
    """
    most = max((end - start) // step, _FEWEST_ROWS)
    found = _call(
        rrdtool.xport,
        '--start',
        str(start),
        '--end',
        str(end),
        '--step',
        str(step),
        '--maxrows',
        str(most),
        *definitions,
    )
    about = found['meta']
    return Rows(
        about['start'], about['step'], [row[0] for row in found['data']]
    )


def draw(*arguments: str) -> bytes:
    """Draw a graph."""
    return bytes(_call(rrdtool.graphv, '-', *arguments)['image'])
