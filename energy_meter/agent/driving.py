# SPDX-License-Identifier: Apache-2.0

"""Use of a driver from opening to closing."""

import collections.abc
import logging
import typing

from energy_meter import attempt
from energy_meter import log_throttle
from energy_meter.drivers import base

LOG = logging.getLogger(__name__)

T = typing.TypeVar('T')

_throttled_log = log_throttle.ThrottledLogger(LOG)


def _call(function: collections.abc.Callable[[], None]) -> None:
    function()


def use(
    driver: base.Driver,
    name: str,
    function: collections.abc.Callable[[base.Driver], T],
    call: collections.abc.Callable[
        [collections.abc.Callable[[], None]], None
    ] = _call,
) -> T:
    """Open a driver, call a function with it, and close it.

    An error of closing is logged. It replaces neither the result of the
    function nor the error that explains why the wattmeter cannot be read.

    :param name: name of the wattmeter.
    :param call: calls the driver's ``open`` and ``close``.
    """

    def open_and_call() -> T:
        call(driver.open)
        return function(driver)

    result, error = attempt.call(open_and_call, Exception)
    _, close_error = attempt.call(lambda: call(driver.close), Exception)
    if close_error is not None:
        _throttled_log.warning(
            name,
            'Driver of wattmeter %s cannot be closed: %s: %s',
            name,
            type(close_error).__name__,
            close_error,
        )
    else:
        _throttled_log.recovered(
            name, 'Driver of wattmeter %s can be closed again', name
        )
    if error is not None:
        raise error
    return typing.cast(T, result)
