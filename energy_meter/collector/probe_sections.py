# SPDX-License-Identifier: Apache-2.0

"""What the ``[probe:...]`` sections tell the collectors."""

import logging
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter.conf import sections
from energy_meter.conf import wattmeter
from energy_meter.db import sums

LOG = logging.getLogger(__name__)


class Told(typing.NamedTuple):
    """What is kept in the database of what the sections say.

    :ivar sums: the probes that are the sum of others.
    :ivar projects: by probe, the id of the project that pays for it.
    """

    sums: list[sums.Sum]
    projects: dict[str, str]


def load(conf: cfg.ConfigOpts) -> Told:
    """Read the sections; those that make no sense are logged and left out."""
    found, errors = sections.find(conf)
    totals: list[sums.Sum] = []
    projects: dict[str, str] = {}
    for section in found.values():
        if not section.name.startswith(
            wattmeter.PROBE_PREFIX
        ) or wattmeter.COLLECTORS_OPTS.isdisjoint(section.options):
            continue
        try:
            values = section.values(conf, wattmeter.PROBE_OPTS)
            if 'sum' in section.options:
                totals.append(_sum(section, values))
            if 'project_id' in section.options:
                projects[section.subject] = _project(section, values)
        except exception.ConfigurationError as error:
            errors.append(error)
    for fault in errors:
        LOG.error('%s', fault)
    names = {item.id for item in totals}
    return Told(
        [item for item in totals if not _is_nested(item, names)], projects
    )


def _sum(section: sections.Section, values: dict[str, typing.Any]) -> sums.Sum:
    parts = frozenset(filter(None, values['sum']))
    if not parts:
        raise section.error('sum', 'expected the ids of the parts')
    return sums.Sum(section.subject, values['host'] or section.subject, parts)


def _project(section: sections.Section, values: dict[str, typing.Any]) -> str:
    project: str = values['project_id']
    if not project:
        raise section.error('project_id', 'expected the id of a project')
    return project


def _is_nested(item: sums.Sum, names: set[str]) -> bool:
    nested = sorted(item.parts & names)
    if nested:
        LOG.error(
            'Probe %s is the sum of %s, which is a sum itself: name '
            'its parts instead',
            item.id,
            ', '.join(nested),
        )
    return bool(nested)
