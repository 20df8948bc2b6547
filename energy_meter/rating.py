# SPDX-License-Identifier: Apache-2.0

"""Collector of CloudKitty that reads the energy of probes from the API.

It collects the metric ``energy``; another collector collects all others.
"""

import collections.abc
import datetime
import decimal
import functools
import typing

from cloudkitty import collector
from cloudkitty import dataframe
from cloudkitty import utils
from keystoneauth1 import loading
from oslo_config import cfg
from stevedore import driver

from energy_meter import exception
from energy_meter.clients import api
from energy_meter.clients import usage

METRIC = 'energy'

_GROUP = 'collector_energy_meter'
_TIMEOUT_S = 60.0
_MILLIJOULES_PER_KWH = 3_600_000_000

_OPTIONS = [
    cfg.StrOpt(
        'other_collector',
        default='gnocchi',
        help=f'Collector of all metrics except "{METRIC}".',
    ),
    cfg.BoolOpt(
        'wait_for_closed',
        default=True,
        help='Collect a period only after its days are closed for all probes '
        'of the project. Otherwise, energy that arrives late is not rated.',
    ),
    cfg.StrOpt(
        'interface',
        default='internal',
        help='Interface of the API in the catalog of Keystone.',
    ),
    cfg.StrOpt('region_name', help='Region of the API.'),
]

CONF = cfg.CONF
loading.register_session_conf_options(CONF, _GROUP)
loading.register_auth_conf_options(CONF, _GROUP)
CONF.register_opts(_OPTIONS, _GROUP)

_Metrics = dict[str, dict[str, typing.Any]]


class EnergyMeterCollector(collector.BaseCollector):
    """Reads the energy of probes from the API of energy_meter.

    :raises cloudkitty.collector.InvalidConfiguration: if scopes are not
        projects.
    """

    collector_name = 'energy_meter'

    def __init__(self, **kwargs: typing.Any) -> None:
        super().__init__(**kwargs)
        if CONF.collect.scope_key != 'project_id':
            raise collector.InvalidConfiguration(
                f'{self.collector_name} requires scope_key = project_id'
            )
        options = CONF[_GROUP]
        self._client = api.Client(
            loading.load_session_from_conf_options(
                CONF,
                _GROUP,
                auth=loading.load_auth_from_conf_options(CONF, _GROUP),
            ),
            interface=options.interface,
            region_name=options.region_name,
            timeout=options.timeout or _TIMEOUT_S,
        )
        _, others = _split(kwargs['conf']['metrics'])
        self._other: collector.BaseCollector | None = None
        if others:
            self._other = _other_class()(
                period=kwargs['period'], conf={'metrics': others}
            )

    @staticmethod
    def check_configuration(conf: dict[str, typing.Any]) -> _Metrics:
        """Return the metrics, each validated by its collector."""
        conf = collector.Schema(collector.CONF_BASE_SCHEMA)(conf)
        own, others = _split(conf['metrics'])
        checked: _Metrics = {}
        if own:
            checked |= collector.BaseCollector.check_configuration(
                {'metrics': own}
            )
        if others:
            checked |= _other_class().check_configuration({'metrics': others})
        return checked

    @classmethod
    def get_metadata(
        cls, resource_name: str, conf: dict[str, typing.Any]
    ) -> dict[str, typing.Any]:
        """Return the unit of a metric and the names of its metadata."""
        if _is_own(resource_name):
            metric = conf['metrics'][resource_name]
            names = [*metric.get('groupby', ()), *metric.get('metadata', ())]
            return {'metadata': names, 'unit': metric['unit']}
        metadata: dict[str, typing.Any] = _other_class().get_metadata(
            resource_name, conf
        )
        return metadata

    def fetch_all(
        self,
        metric_name: str,
        start: datetime.datetime,
        end: datetime.datetime,
        project_id: str | None = None,
        q_filter: object = None,
    ) -> list[dataframe.DataPoint]:
        """Return a data point for each probe of a project.

        :raises energy_meter.exception.EnergyNotFinal: if the period is not
            closed. CloudKitty tries again in its next cycle.
        """
        if not _is_own(metric_name):
            assert self._other is not None, 'it has its metrics'
            points: list[dataframe.DataPoint] = self._other.fetch_all(
                metric_name, start, end, project_id, q_filter
            )
            return points
        filters = {} if project_id is None else {'project': project_id}
        return [
            self._data_point(self.conf[metric_name], probe, start)
            for page in self._client.energies(
                usage.Query(start=start, end=end), **filters
            )
            for probe in page.probes
        ]

    def _data_point(
        self,
        metric: dict[str, typing.Any],
        probe: usage.ProbeEnergy,
        start: datetime.datetime,
    ) -> dataframe.DataPoint:
        if CONF[_GROUP].wait_for_closed and probe.total.state != 'closed':
            raise exception.EnergyNotFinal(
                probe=probe.probe_id, start=start.isoformat()
            )
        kwh = decimal.Decimal(probe.total.millijoules) / _MILLIJOULES_PER_KWH
        quantity = utils.mutate(
            utils.convert_unit(kwh, metric['factor'], metric['offset']),
            metric['mutate'],
            mutate_map=metric.get('mutate_map'),
        )
        attributes = {
            **probe._asdict(),
            'id': probe.probe_id,
            'original_resource_id': probe.probe_id,
        }
        groupby, metadata = (
            {name: attributes.get(name) or '' for name in metric[kind]}
            for kind in ('groupby', 'metadata')
        )
        return self._create_data_point(
            metric, quantity, 0, groupby, metadata, start
        )


def _is_own(name: str) -> bool:
    # CloudKitty appends the alternative name of a metric.
    return name.partition('@#')[0] == METRIC


def _split(
    metrics: collections.abc.Mapping[str, typing.Any],
) -> tuple[dict[str, typing.Any], dict[str, typing.Any]]:
    """Return the metrics of this collector, and all others."""
    own = {name: metrics[name] for name in metrics if _is_own(name)}
    return own, {name: metrics[name] for name in metrics if name not in own}


@functools.cache
def _other_class() -> typing.Any:
    return driver.DriverManager(
        collector.COLLECTORS_NAMESPACE,
        CONF[_GROUP].other_collector,
        invoke_on_load=False,
    ).driver
