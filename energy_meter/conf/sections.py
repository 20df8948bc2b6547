# SPDX-License-Identifier: Apache-2.0

"""Configuration sections named by the operator: wattmeters, probes, agents."""

import collections.abc
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter.conf import agent_secrets
from energy_meter.conf import files
from energy_meter.conf import ranges
from energy_meter.conf import section as conf_section
from energy_meter.conf import wattmeter

#: Beginnings of the names of these sections.
PREFIXES = (
    wattmeter.PREFIX,
    wattmeter.TEMPLATE_PREFIX,
    wattmeter.PROBE_PREFIX,
    agent_secrets.PREFIX,
)

#: Prefixes of sections whose names may contain a range.
_RANGE_PREFIXES = (wattmeter.PREFIX, wattmeter.PROBE_PREFIX)

_Sections = dict[str, conf_section.Section]


def find(
    conf: cfg.ConfigOpts,
) -> tuple[_Sections, list[exception.ConfigurationError]]:
    """Return the sections of wattmeters, probes and agents in all files.

    A section whose name contains a range stands for a section for each of its
    elements. The sections of wattmeters contain the options of their template.

    :returns: the sections by name, and the errors of other sections.
    """
    parsed = _parse(conf)
    errors: list[exception.ConfigurationError] = []
    sections: _Sections = {}
    by_lower_name: _Sections = {}
    for written in parsed.values():
        try:
            expanded = _expand(written)
        except exception.ConfigurationError as error:
            errors.append(error)
            continue
        for section in expanded:
            # oslo.config ignores the case of section names.
            first = by_lower_name.setdefault(section.name.lower(), section)
            if first is section:
                sections[section.name] = _inherit(section, parsed)
            else:
                errors.append(
                    section.error('(name)', _why_duplicate(first, section))
                )
    return sections, merge(errors)


def unused_templates(
    conf: cfg.ConfigOpts,
) -> list[exception.ConfigurationError]:
    """Return an error for each template that no wattmeter names."""
    parsed = _parse(conf)
    used = {
        _template_of(section)
        for name, section in parsed.items()
        if name.startswith(wattmeter.PREFIX)
    }
    return [
        section.error('(name)', 'no wattmeter uses this template')
        for name, section in parsed.items()
        if name.startswith(wattmeter.TEMPLATE_PREFIX) and name not in used
    ]


def merge(
    errors: collections.abc.Iterable[exception.ConfigurationError],
) -> list[exception.ConfigurationError]:
    """Return the errors of sections without repetitions.

    A mistake in a template, or in a section whose name contains a range,
    affects many sections.
    """
    groups: dict[tuple[object, ...], list[exception.ConfigurationError]] = {}
    for error in errors:
        key = tuple(
            error.values[name]
            for name in ('file', 'written', 'option', 'reason')
        )
        groups.setdefault(key, []).append(error)
    return [
        group[0] if len(group) == 1 else _common_error(group)
        for group in groups.values()
    ]


def _common_error(
    group: list[exception.ConfigurationError],
) -> exception.ConfigurationError:
    """Return one error for several sections."""
    values = group[0].values
    affected = [name for error in group for name in sorted(error.affected)]
    reason = values['reason']
    if len(affected) < typing.cast(int, values['size']):
        subjects = (name.partition(':')[2] for name in affected)
        reason = f'{reason} ({", ".join(subjects)})'
    return exception.ConfigurationError(
        None,
        **values
        | {
            'section': values['written'],
            'reason': reason,
            'affected': frozenset(affected),
        },
    )


def _parse(conf: cfg.ConfigOpts) -> _Sections:
    """Return the sections as written, by name."""
    parsed: _Sections = {}
    for file in files.paths(conf):
        content: dict[str, dict[str, list[str]]] = {}
        cfg.ConfigParser(file, content).parse()
        for name, options in content.items():
            section = parsed.get(name) or conf_section.Section(
                name, name, file, {}, {}
            )
            if name.startswith(PREFIXES):
                parsed[name] = section
                section.options.update(options)
                section.sources.update(
                    dict.fromkeys(options, conf_section.Source(file, name))
                )
    return parsed


def _expand(section: conf_section.Section) -> list[conf_section.Section]:
    """Return the sections for which a section stands.

    :raises ConfigurationError: if its name contains no valid range.
    """
    name = section.name
    if not name.startswith(_RANGE_PREFIXES):
        return [section]
    try:
        positions = ranges.positions(name)
    except ValueError as error:
        raise section.error('(name)', str(error)) from None
    if positions:
        return [
            section._replace(name=ranges.at(name, position), position=position)
            for position in positions
        ]
    # IDs of probes may contain braces.
    if name.startswith(wattmeter.PREFIX) and ranges.has_braces(name):
        raise section.error(
            '(name)',
            'expected a range in the braces, such as {01..40} or {a,b}',
        )
    return [section]


def _why_duplicate(
    first: conf_section.Section, section: conf_section.Section
) -> str:
    if first.name != section.name:
        return f'differs from [{first.name}] only in case'
    return f'also in [{first.written}] of {first.file}'


def _template_of(section: conf_section.Section) -> str:
    """Return the name of the section of a wattmeter's template."""
    name = section.options.get('template', [''])[-1]
    return f'{wattmeter.TEMPLATE_PREFIX}{name}'


def _inherit(
    section: conf_section.Section, parsed: _Sections
) -> conf_section.Section:
    """Return the section of a wattmeter with the options of its template."""
    if 'template' not in section.options or not section.name.startswith(
        wattmeter.PREFIX
    ):
        return section
    template = parsed.get(_template_of(section))
    if template is None:
        known = ', '.join(
            each.subject
            for each in parsed.values()
            if each.name.startswith(wattmeter.TEMPLATE_PREFIX)
        )
        return section._replace(
            flaw=section.error(
                'template',
                f'{section.options["template"][-1]!r} is unknown; expected '
                + (f'one of {known}' if known else 'a [template:...] section'),
            )
        )
    inherited = section._replace(
        options=template.options | section.options,
        sources=template.sources | section.sources,
    )
    if 'template' not in template.options:
        return inherited
    return inherited._replace(
        flaw=section._replace(sources=template.sources).error(
            'template', 'a template cannot have a template'
        )
    )
