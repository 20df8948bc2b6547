# SPDX-License-Identifier: Apache-2.0

"""Collect and rate the energy of an hour with CloudKitty's own code.

Run it in the environment of CloudKitty:

    python ask_cloudkitty.py CONFIGURATION START PRICE

It prints JSON: for each project in Gnocchi, the data points of its resources
with quantity, unit, price, groupby and metadata.
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

_METRIC = 'energy'
_HOUR = datetime.timedelta(hours=1)


def main() -> None:
    """Print the rated data points."""
    file, start, price = sys.argv[1:]
    service.prepare_service(['ask_cloudkitty', '--config-file', file])
    begin = datetime.datetime.fromisoformat(start)
    _set_price(price)
    source = collector.get_collector()
    data_points = {}
    for project in gnocchi.GnocchiFetcher().get_tenants():
        try:
            name, points = source.retrieve(
                _METRIC, begin, begin + _HOUR, project_id=project
            )
        except collector.NoDataCollected:
            continue
        frame = dataframe.DataFrame(begin, begin + _HOUR, {name: points})
        rated = hashmap.HashMap(project).process(frame)
        data_points[project] = [
            {
                'quantity': float(point.qty),
                'unit': point.unit,
                'price': float(point.price),
                'groupby': dict(point.groupby),
                'metadata': dict(point.metadata),
            }
            for _, point in rated.iterpoints()
        ]
    print(json.dumps(data_points))


def _set_price(price: str) -> None:
    """Set the price of a unit of the metric."""
    with db.session_for_write() as session:
        models.Base.metadata.create_all(session.get_bind())
    database = hashmap.HashMap.db_api
    service_id = database.create_service(_METRIC).service_id
    database.create_mapping(
        cost=price, map_type='flat', created_by='test', service_id=service_id
    )


main()
