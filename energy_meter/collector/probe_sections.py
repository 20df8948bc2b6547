# SPDX-License-Identifier: Apache-2.0

"""Settings of the collectors in the ``[probe:...]`` sections."""

import logging
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter.conf import section as conf_section
from energy_meter.conf import sections
from energy_meter.conf import wattmeter
from energy_meter.db import sums

LOG = logging.getLogger(__name__)


class ProbeSettings(typing.NamedTuple):
    """Settings of probes. The collector stores the first two in the database.

    :ivar sums: probes that are the sum of others.
    :ivar projects: id of the project that is billed for a probe, by probe.
    :ivar max_watts: maximum power of a probe, in watts, by probe.
    """

    sums: list[sums.Sum]
    projects: dict[str, str]
    max_watts: dict[str, float]


def load(conf: cfg.ConfigOpts) -> ProbeSettings:
    """Load the sections; log and skip those with errors."""
    settings, errors = read(conf)
    for error in errors:
        LOG.error('%s', error)
    return settings


def read(
    conf: cfg.ConfigOpts,
) -> tuple[ProbeSettings, list[exception.ConfigurationError]]:
    """Return the settings in valid sections, and the errors of others."""
    configured, errors = sections.find(conf)
    totals: list[sums.Sum] = []
    projects: dict[str, str] = {}
    max_watts: dict[str, float] = {}
    for section in configured.values():
        # A misspelled option can be one of those that collectors read.
        if (
            not section.name.startswith(wattmeter.PROBE_PREFIX)
            or section.options.keys() <= wattmeter.AGENTS_OPTS
        ):
            continue
        try:
            values = section.values(conf, wattmeter.PROBE_OPTS)
            if 'sum' in section.options:
                totals.append(_sum(section, values))
            if 'project_id' in section.options:
                projects[section.subject] = _project(section, values)
            if values['max_watts'] is not None:
                max_watts[section.subject] = values['max_watts']
        except exception.ConfigurationError as error:
            errors.append(error)
    errors = sections.merge(errors)
    names = {total.id for total in totals}
    return (
        ProbeSettings(
            [total for total in totals if not _is_nested(total, names)],
            projects,
            max_watts,
        ),
        errors,
    )


def _sum(
    section: conf_section.Section, values: dict[str, typing.Any]
) -> sums.Sum:
    parts = frozenset(filter(None, values['sum']))
    if not parts:
        raise section.error('sum', 'expected the IDs of the parts')
    return sums.Sum(section.subject, values['host'] or section.subject, parts)


def _project(
    section: conf_section.Section, values: dict[str, typing.Any]
) -> str:
    project: str = values['project_id']
    if not project:
        raise section.error('project_id', 'expected the ID of a project')
    return project


def _is_nested(total: sums.Sum, names: set[str]) -> bool:
    nested = sorted(total.parts & names)
    if nested:
        LOG.error(
            'Skipping sum %s: its part %s is a sum itself; list the parts '
            'of that sum instead',
            total.id,
            ', '.join(nested),
        )
    return bool(nested)
