# SPDX-License-Identifier: Apache-2.0

"""Thread-safe access to the rrdtool library."""

import collections.abc
import ctypes
import math
import os
import threading
import typing

import rrdtool

from energy_meter import exception

#: Name of the only data source in a file.
SOURCE = 'watts'

AVERAGE, MINIMUM, MAXIMUM = 'AVERAGE', 'MIN', 'MAX'

# With this variable set, rrdtool connects to rrdcached by itself, and silently
# loses updates while the daemon is down.
os.environ.pop('RRDCACHED_ADDRESS', None)

#: rrdtool rejects a smaller ``--maxrows``.
_MIN_ROWS = 10

#: The C library, because the Python module lacks ``rrd_restore``.
_LIBRARY = ctypes.CDLL(rrdtool.__file__)
_LIBRARY.rrd_get_error.restype = ctypes.c_char_p

#: rrdtool keeps the state of time parsing and drawing in global variables.
_LOCK = threading.Lock()


class Rows(typing.NamedTuple):
    """Rows of a file.

    :ivar start: start of the first row, in seconds since the epoch.
    :ivar step: seconds of one row.
    :ivar values: power, in watts; None where it is unknown.
    """

    start: int
    step: int
    values: list[float | None]


def definition(
    name: str, path: str, function: str, source: str = SOURCE
) -> str:
    """Return the DEF that reads a file.

    :param name: name of the definition, for use in expressions.
    """
    return f'DEF:{name}={escape(path)}:{source}:{function}'


def sum_of(names: collections.abc.Sequence[str]) -> str:
    """Return the RPN expression for a sum that ignores unknown values.

    :param names: of definitions, at least one.
    """
    return names[0] + ''.join(f',{name},ADDNAN' for name in names[1:])


def escape(text: str) -> str:
    """Escape a text for use inside a definition."""
    return text.replace(':', '\\:')


def _call(
    function: collections.abc.Callable[..., typing.Any], *arguments: str
) -> typing.Any:
    try:
        with _LOCK:
            return function(*arguments)
    except (rrdtool.OperationalError, rrdtool.ProgrammingError) as error:
        # On a full disk the text of the error is empty.
        raise exception.RRDError(reason=str(error) or 'no reason given')


def create(path: str, *arguments: str) -> None:
    """Create a file.

    :raises RRDError: if rrdtool fails; so do all functions below.
    """
    _call(rrdtool.create, path, *arguments)


def tune(path: str, *arguments: str) -> None:
    """Change the layout of a file."""
    _call(rrdtool.tune, path, *arguments)


def dump(path: str, xml_path: str) -> None:
    """Export a file to XML."""
    _call(rrdtool.dump, path, xml_path)


def restore(xml_path: str, path: str) -> None:
    """Create a file from XML."""
    command = ('restore', xml_path, path)
    arguments = (ctypes.c_char_p * len(command))(*map(os.fsencode, command))
    with _LOCK:
        if _LIBRARY.rrd_restore(len(command), arguments):
            reason = _LIBRARY.rrd_get_error().decode(errors='replace')
            _LIBRARY.rrd_clear_error()
            raise exception.RRDError(reason=reason)


def update(path: str, *points: str) -> None:
    """Write points, each as ``time:value``; stop at the first invalid one."""
    _call(rrdtool.update, path, *points)


def info(path: str) -> dict[str, typing.Any]:
    """Return the layout and the state of a file, as ``rrdtool info`` does."""
    values: dict[str, typing.Any] = _call(rrdtool.info, path)
    return values


def last(path: str) -> int:
    """Return when a file was last updated, in seconds since the epoch."""
    timestamp: int = _call(rrdtool.last, path)
    return timestamp


def fetch(path: str, function: str, start: int, end: int, step: int) -> Rows:
    """Read rows of a file.

    :param function: :data:`AVERAGE`, :data:`MINIMUM` or :data:`MAXIMUM`.
    :param step: preferred length of a row, in seconds.
    """
    (first, _, width), _, rows = _call(
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
    return Rows(first, width, [row[0] for row in rows])


def consolidate(path: str, start: int, end: int, step: int) -> list[float]:
    """Return the mean power in each step, whatever rows the file has.

    :param start: multiple of ``step``, as is ``end``.
    :returns: in watts; not a number where it is unknown.
    """
    document = _call(
        rrdtool.xport,
        '--start',
        str(start),
        '--end',
        str(end),
        '--step',
        str(step),
        '--maxrows',
        str(max((end - start) // step, _MIN_ROWS)),
        definition('watts', path, AVERAGE),
        'XPORT:watts',
    )
    # Longer rows of the file cover several steps.
    meta = document['meta']
    rows = [math.nan if row[0] is None else row[0] for row in document['data']]
    return [
        rows[(timestamp - meta['start']) // meta['step']]
        for timestamp in range(start, end, step)
    ]


def draw(*arguments: str) -> bytes:
    """Draw a graph and return the image."""
    return bytes(_call(rrdtool.graphv, '-', *arguments)['image'])


def plot_area(*arguments: str) -> tuple[int, int]:
    """Return the left edge and the width of the plot of a graph, in pixels."""
    image = _call(rrdtool.graphv, '-', *arguments)
    return image['graph_left'], image['graph_width']
