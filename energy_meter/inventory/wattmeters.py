# SPDX-License-Identifier: Apache-2.0

"""Configuration sections for the devices of an inventory."""

import collections.abc
import dataclasses

from energy_meter import exception
from energy_meter.conf import wattmeter
from energy_meter.discover import generated_file
from energy_meter.discover import section as sections
from energy_meter.discover import section_tester
from energy_meter.discover import templates
from energy_meter.inventory import defaults
from energy_meter.inventory import device
from energy_meter.inventory import drivers

#: Options that devices do not differ by.
_NOT_OF_THE_DEVICE = frozenset(
    {'probes', 'metered_host', 'scope', 'interval', 'max_watts', 'energy'}
)


def make(
    devices: collections.abc.Sequence[device.Device],
    chosen: collections.abc.Sequence[defaults.Default],
    prefix: str,
    secrets: bool,
) -> generated_file.Sections:
    """Return a section for each device, and their templates, by name.

    :param chosen: options for devices without a value of their own.
    :param prefix: first part of the names of templates.
    :param secrets: whether to include secrets.
    :raises ConfigurationError: if a device is not valid.
    """
    _check_unique(devices)
    complete, by_driver = defaults.apply(devices, chosen)
    wattmeters = [_section(each) for each in complete]
    _check(wattmeters, [each.origin for each in devices])
    found = {}
    for driver, options in by_driver.items():
        created, inheriting = templates.share(
            [each for each in wattmeters if each.driver == driver],
            prefix,
            options,
        )
        found.update(
            {
                each.prefix + each.name: each.text(secrets)
                for each in (*created, *inheriting)
            }
        )
    return found


def _section(each: device.Device) -> sections.Section:
    options = dict(each.options)
    driver = options.pop(device.DRIVER)
    probes = options.pop('probes', each.name)
    secret_names = drivers.options(driver).secrets & options.keys()
    return sections.Section(
        each.name,
        driver,
        (),
        {
            # As text: it may be a pattern.
            'probes': probes,
            **{
                name: value
                for name, value in options.items()
                if name not in secret_names
            },
        },
        {name: options[name] for name in sorted(secret_names)},
    )


def _check_unique(devices: collections.abc.Sequence[device.Device]) -> None:
    seen: dict[object, device.Device] = {}
    for each in devices:
        for key, reason in (
            # oslo.config ignores the case of section names.
            (each.name.lower(), 'has the same name as'),
            (_place(each), 'would be metered twice: it is also'),
        ):
            other = seen.setdefault(key, each) if key else each
            if other is not each:
                raise exception.ConfigurationError(
                    f'{each.origin}: {each.name} {reason} {other.name} in '
                    f'{other.origin}'
                )


def _place(each: device.Device) -> object:
    """Return address and channels of a device, None without an address."""
    if not each.options.keys() & {'host', 'url'}:
        return None
    return tuple(
        sorted(
            (name, value)
            for name, value in each.options.items()
            if name not in _NOT_OF_THE_DEVICE
        )
    )


def _check(
    wattmeters: collections.abc.Sequence[sections.Section],
    origins: collections.abc.Sequence[str],
) -> None:
    """Load the sections as the agent does.

    :raises ConfigurationError: that names the place in the inventory.
    """
    _, errors = section_tester.load_all(map(_with_secrets, wattmeters))
    places = dict(
        zip((each.name for each in wattmeters), origins, strict=True)
    )
    messages = []
    for error in errors:
        name = str(error.values.get('section', ''))
        subject = name.removeprefix(wattmeter.PREFIX)
        messages.append(
            f'{places[subject]}: {subject}: {error.values["option"]}: '
            f'{error.values["reason"]}'
            if subject in places
            else str(error)
        )
    if messages:
        raise exception.ConfigurationError('\n'.join(messages))


def _with_secrets(each: sections.Section) -> sections.Section:
    """Return a section with placeholders instead of files with secrets.

    The files may only exist on the machine of the agent.
    """
    files = drivers.options(each.driver or '').files
    named = {files[name] for name in each.options if name in files}
    return dataclasses.replace(
        each,
        options={
            name: value
            for name, value in each.options.items()
            if name not in files
        },
        secrets={**dict.fromkeys(sorted(named), 'unread'), **each.secrets},
    )
