# SPDX-License-Identifier: Apache-2.0

"""Drivers, as their packages announce them."""

import stevedore

from energy_meter.conf import sections
from energy_meter.drivers import base

_NAMESPACE = 'energy_meter.drivers'


def find(section: sections.Section) -> tuple[str, type[base.Driver]]:
    """Load the driver that the section of a wattmeter asks for.

    :returns: its name and its class.
    :raises ConfigurationError: when there is none of that name, or it can't
        be loaded.
    """
    name = section.options.get('driver', [''])[-1]
    failures: list[BaseException] = []
    found: stevedore.NamedExtensionManager[base.Driver] = (
        stevedore.NamedExtensionManager(
            _NAMESPACE,
            [name],
            warn_on_missing_entrypoint=False,
            on_load_failure_callback=lambda _manager, _entry_point, error: (
                failures.append(error)
            ),
        )
    )
    if failures:
        raise section.error(
            'driver', (f'{name!r} can not be loaded: {failures[0]}')
        )
    if name not in found:
        known = sorted(
            {entry_point.name for entry_point in found.list_entry_points()}
        )
        raise section.error(
            'driver',
            (f'{name!r} is unknown; expected one of {", ".join(known)}'),
        )
    return name, found[name].plugin
