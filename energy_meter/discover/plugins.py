# SPDX-License-Identifier: Apache-2.0

"""Functions that search this machine, from entry points of packages."""

import collections.abc
import importlib.metadata

from energy_meter.discover import finding
from energy_meter.discover import search
from energy_meter.discover import section_tester

NAMESPACE = 'energy_meter.discovery'

#: Maximum time for one function, as a multiple of the time to read one
#: wattmeter. A function may read several wattmeters.
_MAX_READINGS = 10


def sources(tester: section_tester.SectionTester) -> list[search.Source]:
    """Return the sources of all installed packages, in the order of names."""
    entry_points = sorted(
        importlib.metadata.entry_points(group=NAMESPACE),
        key=lambda entry_point: entry_point.name,
    )
    return [
        _source(entry_point, tester, _MAX_READINGS * tester.timeout)
        for entry_point in entry_points
    ]


def _source(
    entry_point: importlib.metadata.EntryPoint,
    tester: section_tester.SectionTester,
    max_seconds: float,
) -> search.Source:
    def discover() -> collections.abc.Iterator[finding.Finding]:
        # Loaded as late as this, so that a module that fails or hangs does
        # not affect the other sources. Stevedore loads all of them at once.
        found: collections.abc.Iterator[finding.Finding] = entry_point.load()(
            tester
        )
        yield from found

    return search.Source(entry_point.name, discover, max_seconds)
