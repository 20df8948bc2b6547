# SPDX-License-Identifier: Apache-2.0

"""Makes drivers as the agent does, for tests."""

import types
import typing

from oslo_config import cfg

from energy_meter.conf import wattmeter
from energy_meter.drivers import base

T = typing.TypeVar('T', bound=base.Driver)


def make(driver: type[T], *probes: str | None, **options: typing.Any) -> T:
    """Make a driver whose options have their defaults, except for these."""
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
