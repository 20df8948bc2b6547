# SPDX-License-Identifier: Apache-2.0

"""Single reading of each wattmeter, for commissioning."""

import collections.abc
import concurrent.futures
import time
import typing

from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import driving
from energy_meter.agent import metering
from energy_meter.agent import validation
from energy_meter.agent import wattmeter as agent_wattmeter
from energy_meter.drivers import base

#: Maximum number of wattmeters that are read at the same time.
MAX_CONCURRENT = 64


class Result(typing.NamedTuple):
    """Result of reading one probe.

    :ivar probe: ID of the probe; '-' if the wattmeter as a whole failed.
    :ivar reading: its reading, or None.
    :ivar error: why there is no reading, or why it is not billed.
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
    """Read wattmeters in parallel.

    :param timeout: maximum time for each wattmeter, in seconds.
    :returns: the results of one wattmeter at a time, as they complete.
    """
    pool = concurrent.futures.ThreadPoolExecutor(MAX_CONCURRENT)
    running = {
        pool.submit(_read_one, wattmeter, timeout): wattmeter
        for wattmeter in wattmeters
    }
    deadline = timeout * (1 + (len(wattmeters) - 1) // MAX_CONCURRENT)
    try:
        for future in concurrent.futures.as_completed(running, deadline):
            yield future.result()
            del running[future]
    except TimeoutError:
        for wattmeter in running.values():
            yield [_failure(wattmeter, f'no answer within {timeout:g} s')]
    # Do not wait: a driver that hangs must not block the process.
    pool.shutdown(wait=False, cancel_futures=True)


def _read_one(
    wattmeter: agent_wattmeter.Wattmeter, timeout: float
) -> list[Result]:
    try:
        wattmeter = wattmeter.resolve()
        probes = {settings.probe.id for settings in wattmeter.probes}
        readings = driving.use(
            wattmeter.make_driver(),
            wattmeter.name,
            lambda driver: _read_probes(driver, probes, timeout / 2),
        )
    except exception.DriverError as error:
        return [_failure(wattmeter, str(error))]
    except Exception as error:
        return [_failure(wattmeter, f'{type(error).__name__}: {error}')]
    return [
        _result(wattmeter, settings, readings.get(settings.probe.id))
        for settings in wattmeter.probes
    ]


def _read_probes(
    driver: base.Driver, probes: set[str], timeout: float
) -> dict[str, measurement.Reading]:
    """Return one reading for each probe that has one.

    :param timeout: seconds after which a self-paced driver is no longer
        read, even if probes have no reading yet.
    """
    readings: dict[str, measurement.Reading] = {}
    deadline = time.monotonic() + timeout
    while True:
        readings |= {reading.probe: reading for reading in driver.read()}
        if (
            not driver.self_paced
            or readings.keys() >= probes
            or time.monotonic() > deadline
        ):
            return readings


def _result(
    wattmeter: agent_wattmeter.Wattmeter,
    settings: metering.Settings,
    reading: measurement.Reading | None,
) -> Result:
    error = None
    if reading is None:
        error = 'shows no value'
    elif violation := validation.validate(
        reading, settings.max_watts, settings.energy
    ):
        error = violation.text
    probe = settings.probe
    return Result(
        wattmeter.name, probe.driver, probe.id, probe.scope, reading, error
    )


def _failure(wattmeter: agent_wattmeter.Wattmeter, error: str) -> Result:
    return Result(
        wattmeter.name, wattmeter.options['driver'], '-', '-', None, error
    )
