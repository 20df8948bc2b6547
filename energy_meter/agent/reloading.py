# SPDX-License-Identifier: Apache-2.0

"""Reload of wattmeters of which some sections are invalid."""

import collections.abc

from energy_meter import exception
from energy_meter.agent import wattmeter as agent_wattmeter
from energy_meter.conf import ranges
from energy_meter.conf import wattmeter as wattmeter_conf


def keep_previous(
    configured: collections.abc.Sequence[agent_wattmeter.Wattmeter],
    errors: collections.abc.Iterable[exception.ConfigurationError],
    current: collections.abc.Mapping[str, agent_wattmeter.Wattmeter],
) -> list[agent_wattmeter.Wattmeter]:
    """Return the wattmeters to read after a reload.

    A wattmeter whose section, or that of one of its probes, is invalid is
    read as before. Probes that another wattmeter now has go to that one.

    :param configured: wattmeters with valid sections.
    :param errors: errors of the other sections.
    :param current: wattmeters that are read now, by name.
    """
    names = {each.name for each in configured}
    kept = _affected(errors, names, current)
    valid = [each for each in configured if each.name not in kept]
    taken = {settings.probe.id for each in valid for settings in each.probes}
    return valid + [
        _without(current[name], taken) for name in current if name in kept
    ]


def _affected(
    errors: collections.abc.Iterable[exception.ConfigurationError],
    valid: set[str],
    current: collections.abc.Mapping[str, agent_wattmeter.Wattmeter],
) -> set[str]:
    """Return the names of the current wattmeters that have an error.

    :param valid: names of the wattmeters with valid sections. One that has
        been removed has an error no more, even if its probes have.
    """
    wattmeter_of = {
        settings.probe.id: name
        for name, each in current.items()
        if name in valid
        for settings in each.probes
    }
    affected: set[str] = set()
    for error in errors:
        for section in error.affected:
            prefix, _, subject = section.partition(':')
            if f'{prefix}:' == wattmeter_conf.PREFIX:
                affected.update(_current(subject, current))
            # The name of a section is wrong if its probe has been removed.
            elif error.values['option'] != '(name)':
                affected.update(
                    wattmeter_of[probe]
                    for probe in _current(subject, wattmeter_of)
                )
    return affected


def _current(
    name: str, current: collections.abc.Collection[str]
) -> collections.abc.Collection[str]:
    """Return the current names for which the name of a section may stand."""
    if name in current:
        return [name]
    if not ranges.has_braces(name):
        return ()
    # Its range is not valid.
    return [each for each in current if ranges.could_yield(name, each)]


def _without(
    previous: agent_wattmeter.Wattmeter, taken: set[str]
) -> agent_wattmeter.Wattmeter:
    """Return a wattmeter without the probes of other wattmeters."""
    if taken.isdisjoint(previous.probe_ids):
        return previous
    return previous._replace(
        probe_ids=tuple(
            None if probe_id in taken else probe_id
            for probe_id in previous.probe_ids
        ),
        probes=tuple(
            settings
            for settings in previous.probes
            if settings.probe.id not in taken
        ),
    )
