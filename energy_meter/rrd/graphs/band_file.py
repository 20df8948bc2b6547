# SPDX-License-Identifier: Apache-2.0

"""Temporary RRD file with the bands of a stack.

rrdtool only draws files. Those of all probes have been read already, to rank
them and for the figures; it would have to read them again.
"""

import collections.abc
import contextlib
import pathlib
import tempfile

from energy_meter.rrd.files import librrd
from energy_meter.rrd.reading import series

#: Data source with the number of probes whose power is unknown.
MISSING = 'missing'


def source(place: int) -> str:
    """Return the name of the data source of a band."""
    return f'band{place}'


@contextlib.contextmanager
def create(stack: series.Stack) -> collections.abc.Iterator[str]:
    """Yield the path of a file that exists within the context.

    :raises RRDError: if it cannot be written.
    :raises OSError: if there is no directory for temporary files.
    """
    step = stack.total.step
    names = [MISSING, *map(source, range(len(stack.bands)))]
    ends = range(stack.total.start + step, stack.total.end + step, step)
    rows = zip(ends, stack.missing, *stack.bands, strict=True)
    with tempfile.TemporaryDirectory(prefix='energy_meter-') as directory:
        path = str(pathlib.Path(directory, 'bands.rrd'))
        librrd.create(
            path,
            '--start',
            str(stack.total.start),
            '--step',
            str(step),
            *(f'DS:{name}:GAUGE:{step}:U:U' for name in names),
            f'RRA:{librrd.AVERAGE}:0.5:1:{len(ends)}',
        )
        librrd.update(
            path,
            *(
                ':'.join('U' if value is None else str(value) for value in row)
                for row in rows
            ),
        )
        yield path
