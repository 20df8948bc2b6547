# SPDX-License-Identifier: Apache-2.0

"""Drivers, loaded from the entry points of installed packages."""

import stevedore

from energy_meter.conf import section as conf_section
from energy_meter.drivers import base

_NAMESPACE = 'energy_meter.drivers'


def find(section: conf_section.Section) -> tuple[str, type[base.Driver]]:
    """Load the driver that the section of a wattmeter names.

    :returns: name and class of the driver.
    :raises ConfigurationError: if the driver is unknown or cannot be loaded.
    """
    name = section.text('driver')
    failures: list[BaseException] = []
    drivers: stevedore.NamedExtensionManager[base.Driver] = (
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
        raise section.error('driver', f'cannot load {name!r}: {failures[0]}')
    if name not in drivers:
        available = sorted(
            {entry_point.name for entry_point in drivers.list_entry_points()}
        )
        raise section.error(
            'driver',
            f'{name!r} is unknown; expected one of {", ".join(available)}',
        )
    return name, drivers[name].plugin
