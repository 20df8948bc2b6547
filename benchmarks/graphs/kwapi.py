# SPDX-License-Identifier: Apache-2.0

"""Graph of the sum as Kwapi drew it, written from its description.

Each probe has a definition, an expression that replaces unknown values by
zero, and an area that is stacked on that of the probe before. The sum is one
expression. librrd names them by the UUIDs of the probes.
"""

import collections.abc
import concurrent.futures
import multiprocessing
import time
import typing
import uuid

import rrdtool

_FIGURES = ('LAST', 'MINIMUM', 'MAXIMUM', 'AVERAGE')


_SIZE = (
    '--full-size-mode', '--width', '800', '--height', '360',
    '--lower-limit', '0',
)  # fmt: skip


class Drawing(typing.NamedTuple):
    """What it drew.

    :ivar cpu: processor time in seconds.
    :ivar watts: the sum, by step.
    """

    cpu: float
    image: bytes
    watts: list[float]


def draw(paths: list[str], start: int, end: int) -> Drawing:
    """Draw a graph in a new process."""
    return _in_new_process(_draw, paths, start, end)


def draw_empty() -> float:
    """Draw a graph without any data in a new process, but for the first time.

    :returns: its processor time in seconds.
    """
    return _in_new_process(_draw_empty)


def _in_new_process(
    function: collections.abc.Callable[..., typing.Any], *arguments: object
) -> typing.Any:
    with concurrent.futures.ProcessPoolExecutor(
        1, multiprocessing.get_context('spawn')
    ) as executor:
        return executor.submit(function, *arguments).result()


def _draw_empty() -> float:
    for _ in range(2):
        # The first one loads the fonts.
        began = time.process_time()
        rrdtool.graphv('-', *_SIZE, 'HRULE:0#000000:nothing')
    return time.process_time() - began


def _draw(paths: list[str], start: int, end: int) -> Drawing:
    began = time.process_time()
    window = ['--start', str(start), '--end', str(end)]
    names = [str(uuid.uuid5(uuid.NAMESPACE_DNS, path)) for path in paths]
    definitions = []
    for name, path in zip(names, paths, strict=True):
        definitions += [
            f'DEF:read_{name}={path}:watts:AVERAGE',
            f'CDEF:known_{name}=read_{name},UN,0,read_{name},IF',
        ]
    known = [f'known_{name}' for name in names]
    total = ','.join(known) + ',+' * (len(known) - 1)
    definitions.append(f'CDEF:total={total}')
    areas = [
        f'AREA:read_{name}#3366{number % 256:02X}::STACK'
        for number, name in enumerate(names)
    ]
    figures = [
        argument
        for name in _FIGURES
        for argument in (
            f'VDEF:{name}=total,{name}',
            f'GPRINT:{name}:{name} %.1lf W',
        )
    ]
    image = rrdtool.graphv(
        '-',
        *window,
        *_SIZE,
        *definitions,
        *areas,
        'LINE1:total#000000:total',
        *figures,
    )['image']
    cpu = time.process_time() - began
    rows = rrdtool.xport(
        *window, '--step', '10', '--maxrows', '1000', *definitions,
        'XPORT:total',
    )['data']  # fmt: skip
    return Drawing(cpu, image, [row[0] for row in rows])
