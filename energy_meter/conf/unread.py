# SPDX-License-Identifier: Apache-2.0

"""Options and sections of the configuration files without any effect.

oslo.config ignores what no code has registered, so a misspelled option would
leave its default in force. All services may share one file: an option has an
effect if any of them reads it.
"""

import collections.abc
import difflib
import importlib.metadata
import re

from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1 import loading
from oslo_config import cfg

from energy_meter import exception
from energy_meter.conf import agent_secrets
from energy_meter.conf import energy_api
from energy_meter.conf import files
from energy_meter.conf import sections

#: Namespaces of the sample configuration. First those that every service has
#: imported; the others are loaded only if a file needs them.
NAMESPACES = (
    'energy_meter',
    'oslo.messaging',
    'oslo.db',
    'oslo.log',
    'oslo.service.service',
    'oslo.reports',
    'oslo.policy',
    'oslo.middleware.cors',
    'oslo.middleware.healthcheck',
    'oslo.middleware.http_proxy_to_wsgi',
    'keystonemiddleware.auth_token',
)

#: Sections with the options of keystoneauth, and its default plugin.
_AUTH_SECTIONS = ('keystone_authtoken', energy_api.GROUP)
_AUTH_TYPE = 'password'

_DEFAULT = 'DEFAULT'

#: Options by section and name.
_Catalog = dict[str, dict[str, cfg.Opt]]


def find(conf: cfg.ConfigOpts) -> list[exception.ConfigurationError]:
    """Return an error for each option and section without effect.

    The options of ``[wattmeter:...]``, ``[probe:...]`` and ``[agent:...]``
    sections are checked by the services that read them. Here, only those are
    found that the same file sets twice.

    :raises OSError: if a file cannot be read.
    """
    lines = _lines(conf)
    catalog = _auth_catalog(lines)
    unknown = _unknown(lines, catalog)
    errors = {
        **{line: _unknown_error(line, catalog) for line in unknown},
        **_repeated(lines, catalog),
    }
    # An unknown section is one error, whatever it contains.
    names = {line.section for line in unknown if line.option is None}
    return [
        errors[line]
        for line in lines
        if line in errors
        and (line.option is None or line.section not in names)
    ]


def unknown_agents(
    conf: cfg.ConfigOpts,
) -> list[exception.ConfigurationError]:
    """Return an error for each unknown section that may be that of an agent.

    :raises OSError: if a file cannot be read.
    """
    return [
        _unknown_error(line, {})
        for line in _lines(conf)
        if line.option is None
        and not _is_named(line)
        and _may_be_agent(line.section)
    ]


def _may_be_agent(section: str) -> bool:
    similar = _similar_section(section, {})
    return similar.startswith(agent_secrets.PREFIX) or (
        ':' in section and not similar
    )


def _lines(conf: cfg.ConfigOpts) -> list[files.Line]:
    return [line for path in files.paths(conf) for line in files.lines(path)]


def _is_named(line: files.Line) -> bool:
    return line.section.startswith(sections.PREFIXES)


def _group(section: str) -> str:
    """Return the name under which oslo.config has a section."""
    return section if section == _DEFAULT else section.lower()


def _unknown(lines: list[files.Line], catalog: _Catalog) -> list[files.Line]:
    """Return the unknown lines, and load the catalog as far as needed."""
    unknown = [line for line in lines if not _is_named(line)]
    entry_points = importlib.metadata.entry_points(group='oslo.config.opts')
    for namespace in NAMESPACES:
        for group, opts in entry_points[namespace].load()():
            _add(catalog, str(getattr(group, 'name', group or _DEFAULT)), opts)
        unknown = [line for line in unknown if not _is_known(line, catalog)]
        if not unknown:
            break
    return unknown


def _add(
    catalog: _Catalog, group: str, opts: collections.abc.Iterable[cfg.Opt]
) -> None:
    catalog.setdefault(_group(group), {})
    for opt in opts:
        catalog[_group(group)][opt.dest] = opt
        for old in opt.deprecated_opts:
            catalog.setdefault(_group(old.group or group), {})[
                old.name or opt.dest
            ] = opt


def _is_known(line: files.Line, catalog: _Catalog) -> bool:
    options = catalog.get(_group(line.section))
    return options is not None and (
        line.option is None or line.option in options
    )


def _auth_catalog(lines: list[files.Line]) -> _Catalog:
    """Return the options of the configured plugins of keystoneauth."""
    groups = {
        *_AUTH_SECTIONS,
        *(line.value for line in lines if line.option == 'auth_section'),
    }
    types = {
        line.section: _AUTH_TYPE for line in lines if line.section in groups
    }
    for line in lines:
        if line.option == 'auth_type' and line.section in types:
            types[line.section] = line.value
    catalog: _Catalog = {}
    for group, auth_type in types.items():
        _add(catalog, group, loading.get_auth_common_conf_options())
        _add(catalog, group, _plugin_options(auth_type))
    return catalog


def _plugin_options(auth_type: str) -> list[cfg.Opt]:
    try:
        return loading.get_auth_plugin_conf_options(auth_type)
    except keystone_exceptions.NoMatchingPlugin:
        # The login fails and reports it.
        return loading.get_auth_plugin_conf_options(_AUTH_TYPE)


def _repeated(
    lines: list[files.Line], catalog: _Catalog
) -> dict[files.Line, exception.ConfigurationError]:
    """Return an error for each value that its own file replaces.

    Two sections with one name are often a copy whose name was kept. To
    override the values of another file is a feature.
    """
    errors = {}
    previous: dict[tuple[str, str, str], files.Line] = {}
    for line in lines:
        if line.option is None:
            continue
        key = line.file, _group(line.section), line.option
        opt = catalog.get(_group(line.section), {}).get(line.option)
        if key in previous and not (opt and opt.multi):
            errors[previous[key]] = previous[key].error(
                f'has no effect, because line {line.number} sets it again'
            )
        previous[key] = line
    return errors


def _unknown_error(
    line: files.Line, catalog: _Catalog
) -> exception.ConfigurationError:
    if line.option is None:
        hint = _similar_section(line.section, catalog)
        return line.error(
            'unknown section, has no effect'
            + (f'; did you mean [{hint}]?' if hint else '')
        )
    hint = _similar_option(line, catalog)
    return line.error(
        'unknown option, has no effect'
        + (f'; did you mean {hint}?' if hint else '')
    )


def _similar_section(name: str, catalog: _Catalog) -> str:
    # "[watmeter:desk]", "[wattmeter desk]"
    if match := re.fullmatch(r'(\w+)\W+(.+)', name):
        prefixes = difflib.get_close_matches(
            f'{match[1].lower()}:', sections.PREFIXES, n=1
        )
        return f'{prefixes[0]}{match[2]}' if prefixes else ''
    groups = {group.lower(): group for group in catalog}
    similar = difflib.get_close_matches(name.lower(), groups, n=1)
    return groups[similar[0]] if similar else ''


def _similar_option(line: files.Line, catalog: _Catalog) -> str:
    option = str(line.option)
    similar = difflib.get_close_matches(
        option.lower(), catalog.get(_group(line.section), ()), n=1
    )
    return ''.join(similar) or ' or '.join(
        f'[{group}] {option}'
        for group, options in catalog.items()
        if option in options
    )
