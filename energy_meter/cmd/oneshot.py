# SPDX-License-Identifier: Apache-2.0

"""``energy-meter-agent --once``: one reading of each wattmeter."""

import collections.abc
import json
import sys

from oslo_config import cfg
import prettytable

from energy_meter import cpu_usage
from energy_meter import exception
from energy_meter.agent import oneshot
from energy_meter.agent import service as agent_service
from energy_meter.agent import wattmeter
from energy_meter.conf import files

_JOULES_PER_KWH = 3.6e6


def run(
    conf: cfg.ConfigOpts,
    names: collections.abc.Collection[str],
    timeout: float,
    output_format: str,
) -> int:
    """Read wattmeters once and print their readings.

    :param names: names of the wattmeters; all if empty.
    :param timeout: timeout of each wattmeter in seconds.
    :param output_format: ``table`` or ``json``.
    :returns: the exit status: 1 if any wattmeter failed.
    """
    configured, errors = wattmeter.load(conf, agent_service.name_of(conf))
    chosen = [
        meter for meter in configured if not names or meter.name in names
    ]
    unknown = sorted(set(names) - {meter.name for meter in chosen})
    for error in errors:
        print(error, file=sys.stderr)
    for name in unknown:
        print(
            f'Wattmeter {name} is not configured, or has errors',
            file=sys.stderr,
        )
    if not configured:
        print(
            exception.NoWattmeters(files=files.describe(conf)),
            file=sys.stderr,
        )
    results = _read(chosen, timeout)
    if results or output_format == 'json':
        print(_FORMATS[output_format](results))
    failed = any(result.error for result in results)
    return 1 if errors or unknown or failed or not results else 0


def _read(
    chosen: list[wattmeter.Wattmeter], timeout: float
) -> list[oneshot.Result]:
    results: list[oneshot.Result] = []
    progress = sys.stderr.isatty()
    for number, batch in enumerate(oneshot.read(chosen, timeout), 1):
        results += batch
        if progress:
            print(
                f'\r{number} of {len(chosen)} wattmeters',
                end='',
                file=sys.stderr,
                flush=True,
            )
    if progress:
        print(file=sys.stderr)
    return sorted(results, key=lambda result: (result.wattmeter, result.probe))


def _kwh(result: oneshot.Result) -> float | None:
    """Return the energy counter of the hardware in kWh, if it has one."""
    reading = result.reading
    if reading is None or reading.ticks is None or reading.counter is None:
        return None
    if reading.usage is not None:
        # It counts CPU time.
        return None
    return reading.ticks * reading.counter.joules_per_tick / _JOULES_PER_KWH


def _instances(result: oneshot.Result) -> list[cpu_usage.Instance]:
    """Return the instances whose CPU time was read."""
    if result.reading is None or result.reading.usage is None:
        return []
    return [*result.reading.usage.layout.instances]


def _table(results: list[oneshot.Result]) -> str:
    numbers = ['W', 'counter kWh', 'instances']
    table = prettytable.PrettyTable(
        ['wattmeter', 'driver', 'probe', 'scope', *numbers, 'error'], align='l'
    )
    for column in numbers:
        table.align[column] = 'r'
    for result in results:
        watts = result.reading.watts if result.reading else None
        kwh = _kwh(result)
        table.add_row(
            [
                result.wattmeter,
                result.driver,
                result.probe,
                result.scope,
                '-' if watts is None else f'{watts:.1f}',
                '-' if kwh is None else f'{kwh:.3f}',
                len(_instances(result)) or '-',
                result.error or '',
            ]
        )
    if not any(map(_instances, results)):
        table.del_column('instances')
    return table.get_string()


def _json(results: list[oneshot.Result]) -> str:
    return json.dumps(
        [
            {
                'wattmeter': result.wattmeter,
                'driver': result.driver,
                'probe': result.probe,
                'scope': result.scope,
                'w': result.reading.watts if result.reading else None,
                'v': result.reading.volts if result.reading else None,
                'a': result.reading.amperes if result.reading else None,
                'counter_kwh': _kwh(result),
                'instances': [each.uuid for each in _instances(result)],
                'error': result.error,
            }
            for result in results
        ],
        indent=2,
    )


_FORMATS = {'table': _table, 'json': _json}
