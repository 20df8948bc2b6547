# SPDX-License-Identifier: Apache-2.0

"""Options that the operator sets for all devices of an inventory."""

import collections.abc
import typing

from energy_meter import exception
from energy_meter.discover import templates
from energy_meter.inventory import device
from energy_meter.inventory import drivers

#: Options by driver that an inventory need not contain. A PDU has more probes
#: than an inventory lists.
_BUILT_IN = {'snmp': {'probes': '{wattmeter}-{channel}'}}


class Default(typing.NamedTuple):
    """Value of an option for the devices that have no value of their own.

    :ivar driver: the driver to which it applies; empty for all drivers that
        have the option.
    """

    driver: str
    option: str
    value: str

    @classmethod
    def parse(cls, text: str) -> 'Default':
        """Parse ``OPTION=VALUE`` or ``DRIVER.OPTION=VALUE``.

        :raises ValueError: if the text has another form.
        """
        name, is_set, value = text.partition('=')
        driver, _, option = name.strip().rpartition('.')
        if not is_set or not option or not value.strip():
            raise ValueError(text)
        return cls(driver, option, value.strip())

    def __str__(self) -> str:
        name = f'{self.driver}.{self.option}' if self.driver else self.option
        return f'{name}={self.value}'


def apply(
    devices: collections.abc.Sequence[device.Device],
    chosen: collections.abc.Sequence[Default],
) -> tuple[list[device.Device], dict[str, dict[str, str]]]:
    """Return devices with the defaults, and the defaults by driver.

    :raises ConfigurationError: if a device has no driver, the driver does not
        exist, or a default applies to no device.
    """
    used: set[Default] = set()
    by_driver: dict[str, dict[str, str]] = {}
    complete = []
    for each in devices:
        driver = each.options.get(device.DRIVER) or _driver(chosen, used)
        if driver is None:
            raise exception.ConfigurationError(
                f'{each.origin}: {each.name} has no driver; set it for all '
                'devices with --set driver=DRIVER'
            )
        if driver not in by_driver:
            try:
                available = drivers.options(driver)
            except exception.ConfigurationError as error:
                raise exception.ConfigurationError(
                    f'{each.origin}: {each.name}: {error}'
                ) from None
            by_driver[driver] = _of_driver(driver, available, chosen, used)
        complete.append(
            each._replace(
                options={
                    device.DRIVER: driver,
                    **by_driver[driver],
                    **each.options,
                }
            )
        )
    for unused in set(chosen) - used:
        raise exception.ConfigurationError(
            f'--set {unused}: applies to no device of the inventory'
        )
    return complete, by_driver


def _driver(
    chosen: collections.abc.Sequence[Default], used: set[Default]
) -> str | None:
    for default in chosen:
        if default.option == device.DRIVER:
            used.add(default)
            return default.value
    return None


def _of_driver(
    driver: str,
    available: drivers.Options,
    chosen: collections.abc.Sequence[Default],
    used: set[Default],
) -> dict[str, str]:
    """Return the defaults that apply to a driver, and mark them as used."""
    options = dict(_BUILT_IN.get(driver, {}))
    for default in chosen:
        is_meant = default.driver in ('', driver)
        if default.option == device.DRIVER or not is_meant:
            continue
        if default.option in available.secrets:
            raise exception.ConfigurationError(
                f'--set {default.option}: all users of this machine can read '
                f'arguments; use {default.option}{templates.FILE_SUFFIX}'
            )
        if default.option in available.names:
            used.add(default)
            options[default.option] = default.value
    return options
