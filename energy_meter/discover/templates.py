# SPDX-License-Identifier: Apache-2.0

"""Templates for what the sections of many wattmeters have in common."""

import collections.abc
import dataclasses

from energy_meter.discover import section as sections

PREFIX = 'template:'

#: Options with which devices of one kind are accessed. Devices share a
#: template if all of these are equal.
ACCESS = (
    'username',
    'user',
    'version',
    'community',
    'auth_protocol',
    'priv_protocol',
    'ca_file',
    'verify',
    'tls',
)

#: Suffix of an option that names the file with a secret.
FILE_SUFFIX = '_file'


def share(
    wattmeters: collections.abc.Sequence[sections.Section],
    prefix: str,
    defaults: collections.abc.Mapping[str, object] | None = None,
) -> tuple[list[sections.Section], list[sections.Section]]:
    """Move what wattmeters have in common to templates.

    Only what belongs in a template by its kind moves. Another wattmeter
    therefore changes no section of the others.

    :param prefix: first part of the templates' names, which are unique in a
        directory of configuration files.
    :param defaults: further options for the templates.
    :returns: the templates, and the wattmeters in their order.
    """
    groups: dict[object, list[sections.Section]] = {}
    for each in wattmeters:
        groups.setdefault(_key(each), []).append(each)
    templates: dict[str, sections.Section] = {}
    shared: dict[str, sections.Section] = {}
    for group in groups.values():
        template = _template(group, prefix, defaults or {})
        number = 1
        name = template.name
        while template.name in templates:
            number += 1
            template = dataclasses.replace(template, name=f'{name}-{number}')
        templates[template.name] = template
        shared |= {each.name: _inherit(each, template) for each in group}
    return list(templates.values()), [shared[each.name] for each in wattmeters]


def _access(each: sections.Section) -> dict[str, object]:
    return {
        name: value
        for name, value in each.options.items()
        if value is not None and (name in ACCESS or name.endswith(FILE_SUFFIX))
    }


def _key(each: sections.Section) -> object:
    return each.driver, tuple(sorted(_access(each).items(), key=str))


def _template(
    group: collections.abc.Sequence[sections.Section],
    prefix: str,
    defaults: collections.abc.Mapping[str, object],
) -> sections.Section:
    first = group[0]
    user = first.options.get('username') or first.options.get('user') or ''
    return sections.Section(
        sections.make_name(prefix, first.driver or '', str(user)),
        first.driver,
        (),
        {**defaults, **_access(first)},
        {
            name: secret
            for name, secret in first.secrets.items()
            if all(each.secrets.get(name) == secret for each in group)
        },
        PREFIX,
    )


def _inherit(
    each: sections.Section, template: sections.Section
) -> sections.Section:
    return dataclasses.replace(
        each,
        driver=None,
        template=template.name,
        options={
            name: value
            for name, value in each.options.items()
            if value != template.options.get(name)
        },
        secrets={
            name: secret
            for name, secret in each.secrets.items()
            if secret != template.secrets.get(name)
        },
    )
