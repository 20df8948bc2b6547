# SPDX-License-Identifier: Apache-2.0

"""Concurrent discovery of several sources."""

import collections.abc
import concurrent.futures
import typing

from energy_meter import exception
from energy_meter.discover import finding

#: Maximum number of sources that are searched concurrently.
_MAX_THREADS = 16


class Source(typing.NamedTuple):
    """A kind of device on this machine, or a device on the network.

    :ivar name: name of the source for messages.
    :ivar discover: function that yields findings.
    """

    name: str
    discover: collections.abc.Callable[
        [], collections.abc.Iterable[finding.Finding]
    ]


def search(
    sources: collections.abc.Sequence[Source],
    progress: collections.abc.Callable[[int, str], None],
) -> list[finding.Finding]:
    """Run discovery for all sources.

    :param progress: called with the number of finished sources and the name
        of the last one.
    :returns: findings in the order of the sources.
    """
    progress(0, 'starting')
    # No "with" statement: it would wait for the slowest source after Ctrl-C.
    pool = concurrent.futures.ThreadPoolExecutor(_MAX_THREADS)
    futures = {pool.submit(_discover, source): source for source in sources}
    finished = concurrent.futures.as_completed(futures)
    for count, future in enumerate(finished, 1):
        progress(count, futures[future].name)
    pool.shutdown()
    return [each for future in futures for each in future.result()]


def _discover(source: Source) -> list[finding.Finding]:
    findings = []
    try:
        for each in source.discover():
            findings.append(each)
    except exception.EnergyMeterError as error:
        findings.append(finding.Finding(source.name, (str(error),)))
    except Exception as error:
        # An unexpected error of one source must not hide the other findings.
        findings.append(
            finding.Finding(source.name, (f'{type(error).__name__}: {error}',))
        )
    return findings
