# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
