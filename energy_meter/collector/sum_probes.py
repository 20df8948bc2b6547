# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The sums of probes that the configuration names."""

import logging

from oslo_config import cfg

from energy_meter import exception
from energy_meter.conf import sections
from energy_meter.conf import wattmeter
from energy_meter.db import sums

LOG = logging.getLogger(__name__)


def load(conf: cfg.ConfigOpts) -> list[sums.Sum]:
    """Read the sums; those that make no sense are logged and left out."""
    found, errors = sections.find(conf)
    result = []
    for section in found.values():
        if (not section.name.startswith(wattmeter.PROBE_PREFIX)
                or 'sum' not in section.options):
            continue
        try:
            result.append(_read(conf, section))
        except exception.ConfigurationError as error:
            errors.append(error)
    for fault in errors:
        LOG.error('%s', fault)
    names = {item.id for item in result}
    return [item for item in result if not _is_nested(item, names)]


def _read(conf: cfg.ConfigOpts, section: sections.Section) -> sums.Sum:
    values = section.values(conf, wattmeter.PROBE_OPTS)
    parts = frozenset(filter(None, values['sum']))
    if not parts:
        raise section.error('sum', 'expected the ids of the parts')
    return sums.Sum(section.subject, values['host'] or section.subject,
                    parts)


def _is_nested(item: sums.Sum, names: set[str]) -> bool:
    nested = sorted(item.parts & names)
    if nested:
        LOG.error('Probe %s is the sum of %s, which is a sum itself: name '
                  'its parts instead', item.id, ', '.join(nested))
    return bool(nested)
