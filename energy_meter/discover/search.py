# SPDX-License-Identifier: Apache-2.0

"""Looking in several places at once."""

import collections.abc
import concurrent.futures
import typing

from energy_meter import exception
from energy_meter.discover import finding

#: Places that are looked at at the same time.
_THREADS = 16


class Place(typing.NamedTuple):
    """Somewhere to look.

    :ivar what: it is, for people.
    :ivar look: yields what is found there.
    """

    what: str
    look: collections.abc.Callable[
        [], collections.abc.Iterable[finding.Finding]
    ]


def search(
    places: collections.abc.Sequence[Place],
    progress: collections.abc.Callable[[int, str], None],
) -> list[finding.Finding]:
    """Look everywhere.

    :param progress: told how many places are done, and which was the last.
    :returns: what was found, in the order of the places.
    """
    progress(0, 'nothing yet')
    # Who presses Ctrl-C must not wait for the slowest, so nobody waits for
    # the executor.
    pool = concurrent.futures.ThreadPoolExecutor(_THREADS)
    running = {pool.submit(_look, place): place for place in places}
    for done, future in enumerate(concurrent.futures.as_completed(running), 1):
        progress(done, running[future].what)
    pool.shutdown()
    return [found for future in running for found in future.result()]


def _look(place: Place) -> list[finding.Finding]:
    found = []
    try:
        for each in place.look():
            found.append(each)
    except exception.EnergyMeterError as error:
        found.append(finding.Finding(place.what, (str(error),)))
    except Exception as error:
        # One odd device must not hide the others.
        found.append(
            finding.Finding(place.what, (f'{type(error).__name__}: {error}',))
        )
    return found
