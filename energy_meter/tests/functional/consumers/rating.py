# SPDX-License-Identifier: Apache-2.0

"""CloudKitty: its own collectors and its module hashmap, without a service."""

import datetime
import json
import os
import pathlib
import tempfile
import typing

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import stack

ETC = stack.CHECKOUT / 'etc' / 'cloudkitty'
INSTANCES = ETC / 'metrics-instances.yml'
PRICE = 0.25

_SCRIPT = pathlib.Path(__file__).with_name('ask_cloudkitty.py')
_HOUR_S = 3600


def rate(
    identity: keystone.Keystone,
    project: str,
    start: float,
    periods: int,
    *,
    metrics: os.PathLike[str],
    collector: str = 'gnocchi',
    period: int = _HOUR_S,
) -> typing.Any:
    """Return the data points of a project.

    :param start: of the first period, in seconds since the epoch.
    :param metrics: file with the metrics.
    :param period: length of a period in seconds.
    :returns: the points; a text if their collection failed, None if there are
        none.
    """
    with tempfile.TemporaryDirectory() as directory:
        configuration = pathlib.Path(directory, 'cloudkitty.conf')
        configuration.write_text(
            '[collect]\n'
            f'period = {period}\n'
            f'collector = {collector}\n'
            f'metrics_conf = {metrics}\n'
            f'{identity.login("collector_energy_meter")}\n'
            f'{identity.login("collector_gnocchi")}\n'
            '[database]\n'
            f'connection = sqlite:///{directory}/database\n'
        )
        date = datetime.datetime.fromtimestamp(start, datetime.UTC)
        output = base.run(
            [
                stack.program('python'),
                _SCRIPT,
                configuration,
                date.isoformat(),
                str(periods),
                str(PRICE),
                project,
            ]
        )
    return json.loads(output.splitlines()[-1]).get(project)
