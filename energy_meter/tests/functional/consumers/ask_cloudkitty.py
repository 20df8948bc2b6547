# SPDX-License-Identifier: Apache-2.0

"""Collect and rate the metrics of some periods with CloudKitty's own code.

Run it in the environment of CloudKitty:

    python ask_cloudkitty.py CONFIGURATION START PERIODS PRICE [PROJECT ...]

Periods have the length of ``[collect] period``, by default an hour. It prints
JSON: for each project, by default those in Gnocchi, the data points with
metric, start, quantity, unit, price, groupby and metadata, or the error that
ends its collection. Only energy has a price.
"""

import datetime
import json
import sys

from cloudkitty import collector
from cloudkitty import dataframe
from cloudkitty import db
from cloudkitty import service
from cloudkitty.fetcher import gnocchi
from cloudkitty.rating import hash as hashmap
from cloudkitty.rating.hash.db.sqlalchemy import models
from oslo_config import cfg

_METRICS = ('energy', 'instance.energy')


def main() -> None:
    """Print the rated data points."""
    file, start, periods, price, *projects = sys.argv[1:]
    service.prepare_service(['ask_cloudkitty', '--config-file', file])
    first = datetime.datetime.fromisoformat(start)
    period = datetime.timedelta(seconds=cfg.CONF.collect.period)
    _set_price(price)
    source = collector.get_collector()
    starts = [first + number * period for number in range(int(periods))]
    result = {}
    for project in projects or gnocchi.GnocchiFetcher().get_tenants():
        try:
            result[project] = [
                point
                for begin in starts
                for metric in source.conf
                for point in _rate(
                    source, metric, begin, begin + period, project
                )
            ]
        except Exception as error:
            result[project] = str(error)
    print(json.dumps({key: value for key, value in result.items() if value}))


def _rate(
    source: collector.BaseCollector,
    metric: str,
    begin: datetime.datetime,
    end: datetime.datetime,
    project: str,
) -> list[dict[str, object]]:
    try:
        name, points = source.retrieve(metric, begin, end, project_id=project)
    except collector.NoDataCollected:
        return []
    frame = dataframe.DataFrame(begin, end, {name: points})
    rated = hashmap.HashMap(project).process(frame)
    return [
        {
            'metric': name,
            'start': begin.isoformat(),
            'quantity': str(point.qty),
            'unit': point.unit,
            'price': float(point.price),
            'groupby': dict(point.groupby),
            'metadata': dict(point.metadata),
        }
        for _, point in rated.iterpoints()
    ]


def _set_price(price: str) -> None:
    """Set the price of a unit of energy."""
    with db.session_for_write() as session:
        models.Base.metadata.create_all(session.get_bind())
    database = hashmap.HashMap.db_api
    for metric in _METRICS:
        database.create_mapping(
            cost=price,
            map_type='flat',
            created_by='test',
            service_id=database.create_service(metric).service_id,
        )


main()
