# SPDX-License-Identifier: Apache-2.0

"""``energy-meter-agent --once``: what do the wattmeters show now?"""

import collections.abc
import json
import sys

from oslo_config import cfg
import prettytable

from energy_meter.agent import once
from energy_meter.agent import service as agent_service
from energy_meter.agent import wattmeter

_JOULES_PER_KWH = 3.6e6


def run(
    conf: cfg.ConfigOpts,
    names: collections.abc.Collection[str],
    timeout: float,
    form: str,
) -> int:
    """Read wattmeters once and print what they show.

    :param names: the wattmeters; none for all.
    :param timeout: seconds for each.
    :param form: ``table`` or ``json``.
    :returns: the exit code: 1 if anything failed.
    """
    found, errors = wattmeter.load(conf, agent_service.name_of(conf))
    chosen = [item for item in found if not names or item.name in names]
    unknown = sorted(set(names) - {item.name for item in chosen})
    for error in errors:
        print(error, file=sys.stderr)
    for name in unknown:
        print(
            f'There is no wattmeter {name} that can be read', file=sys.stderr
        )
    results = _read(chosen, timeout)
    print(_PRINTERS[form](results))
    failed = any(result.error for result in results)
    return 1 if errors or unknown or failed or not results else 0


def _read(
    chosen: list[wattmeter.Wattmeter], timeout: float
) -> list[once.Result]:
    results: list[once.Result] = []
    progress = sys.stderr.isatty()
    for number, batch in enumerate(once.read(chosen, timeout), 1):
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


def _kwh(result: once.Result) -> float | None:
    """Give what the hardware's energy counter shows."""
    reading = result.reading
    if reading is None or reading.ticks is None or reading.counter is None:
        return None
    return reading.ticks * reading.counter.joules / _JOULES_PER_KWH


def _table(results: list[once.Result]) -> str:
    table = prettytable.PrettyTable(
        ['wattmeter', 'driver', 'probe', 'scope', 'W', 'counter kWh', 'error'],
        align='l',
    )
    table.align['W'] = table.align['counter kWh'] = 'r'
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
                result.error or '',
            ]
        )
    return table.get_string()


def _json(results: list[once.Result]) -> str:
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
                'error': result.error,
            }
            for result in results
        ],
        indent=2,
    )


_PRINTERS = {'table': _table, 'json': _json}
