# SPDX-License-Identifier: Apache-2.0

"""Helpers to create and read drivers in tests."""

import collections.abc
import time
import types
import typing

from oslo_config import cfg

from energy_meter import measurement
from energy_meter.conf import wattmeter
from energy_meter.drivers import base

#: Maximum time in seconds to wait for the next reading.
TIMEOUT_S = 30.0

T = typing.TypeVar('T', bound=base.Driver)


def make(driver: type[T], *probes: str | None, **options: typing.Any) -> T:
    """Create a driver; options that are not given have their defaults."""
    conf = cfg.ConfigOpts()
    opts = [*wattmeter.OPTS, *driver.opts]
    section = f'{wattmeter.PREFIX}test'
    conf.register_opts(opts, section)
    for name, value in options.items():
        conf.set_override(name, value, section)
    return driver(
        types.SimpleNamespace(
            **{opt.dest: conf[section][opt.dest] for opt in opts}
        ),
        probes,
    )


def readings(
    driver: base.Driver,
) -> collections.abc.Iterator[measurement.Reading]:
    """Yield the readings of a self-paced driver, one at a time.

    :raises AssertionError: if the driver returns none for too long.
    """
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        for reading in driver.read():
            yield reading
            deadline = time.monotonic() + TIMEOUT_S
    raise AssertionError(f'no reading within {TIMEOUT_S:g} s')
