# SPDX-License-Identifier: Apache-2.0

"""One reading of every wattmeter, for whoever puts up a rack."""

import collections.abc
import concurrent.futures
import time
import typing

from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import doubt
from energy_meter.agent import ledger
from energy_meter.agent import wattmeter as agent_wattmeter
from energy_meter.drivers import base

#: Wattmeters that are read at the same time.
_THREADS = 64


class Result(typing.NamedTuple):
    """What came of reading one outlet.

    :ivar probe: its probe's id; '-' if the wattmeter as a whole failed.
    :ivar reading: what it showed; None if that could not be had.
    :ivar error: why not.
    """

    wattmeter: str
    driver: str
    probe: str
    scope: str
    reading: measurement.Reading | None
    error: str | None


def read(
    wattmeters: collections.abc.Sequence[agent_wattmeter.Wattmeter],
    timeout: float,
) -> collections.abc.Iterator[list[Result]]:
    """Read wattmeters, many at a time.

    :param timeout: seconds that each may take.
    :returns: the results of one wattmeter after the other, as they come.
    """
    # A driver that hangs must not keep the process from ending, so the
    # executor is not waited for.
    pool = concurrent.futures.ThreadPoolExecutor(_THREADS)
    running = {
        pool.submit(_read_one, item, timeout): item for item in wattmeters
    }
    deadline = timeout * (1 + (len(wattmeters) - 1) // _THREADS)
    try:
        for done in concurrent.futures.as_completed(running, deadline):
            yield done.result()
            del running[done]
    except TimeoutError:
        for item in running.values():
            yield [_failure(item, f'no answer within {timeout:g} s')]
    pool.shutdown(wait=False, cancel_futures=True)


def _read_one(item: agent_wattmeter.Wattmeter, timeout: float) -> list[Result]:
    driver = None
    try:
        item = item.resolve()
        driver = item.make_driver()
        driver.open()
        found = {
            reading.probe: reading
            for reading in _readings(driver, item, timeout)
        }
    except exception.DriverError as error:
        return [_failure(item, str(error))]
    except Exception as error:
        return [_failure(item, f'{type(error).__name__}: {error}')]
    finally:
        if driver is not None:
            driver.close()
    return [
        _result(item, settings, found.get(settings.probe.id))
        for settings in item.probes
    ]


def _readings(
    driver: base.Driver, item: agent_wattmeter.Wattmeter, timeout: float
) -> collections.abc.Iterator[measurement.Reading]:
    if isinstance(driver, base.PolledDriver):
        yield from driver.read()
        return
    assert isinstance(driver, base.StreamingDriver)
    missing = {settings.probe.id for settings in item.probes}
    deadline = time.monotonic() + timeout / 2
    for reading in driver.stream():
        if reading is not None:
            missing.discard(reading.probe)
            yield reading
        if not missing or time.monotonic() > deadline:
            return


def _result(
    item: agent_wattmeter.Wattmeter,
    settings: ledger.Settings,
    reading: measurement.Reading | None,
) -> Result:
    error = None
    if reading is None:
        error = 'shows no value'
    elif found := doubt.find(reading, settings.max_watts, settings.energy):
        error = found.text
    probe = settings.probe
    return Result(
        item.name, probe.driver, probe.id, probe.scope, reading, error
    )


def _failure(item: agent_wattmeter.Wattmeter, error: str) -> Result:
    return Result(item.name, item.options['driver'], '-', '-', None, error)
