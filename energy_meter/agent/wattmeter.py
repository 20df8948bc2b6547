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

"""The wattmeters that the configuration names."""

import socket
import types
import typing

from oslo_config import cfg
import stevedore

from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import ledger
from energy_meter.bus import envelope
from energy_meter.conf import sections as conf_sections
from energy_meter.conf import wattmeter as wattmeter_conf
from energy_meter.drivers import base

_NAMESPACE = 'energy_meter.drivers'
_MAX_WATTS = 100_000.0


class Wattmeter(typing.NamedTuple):
    """One ``[wattmeter:...]`` section that makes sense.

    :ivar options: the values of its options, by name.
    :ivar outlets: ids of its probes, None for an outlet that is left out.
    :ivar probes: how each probe is metered.
    """

    name: str
    driver: type[base.Driver]
    options: dict[str, typing.Any]
    outlets: tuple[str | None, ...]
    probes: tuple[ledger.Settings, ...]

    @property
    def interval(self) -> float:
        """Seconds between two readings."""
        interval: float = self.options['interval']
        return interval

    def make_driver(self) -> base.Driver:
        """Make a driver that reads it."""
        return self.driver(types.SimpleNamespace(**self.options),
                           self.outlets)


def load(conf: cfg.ConfigOpts, agent: str) -> tuple[
        list[Wattmeter], list[exception.ConfigurationError]]:
    """Read the wattmeters from the configuration.

    :param agent: name of this agent.
    :returns: those that make sense, and what is wrong with the others.
    """
    sections, errors = conf_sections.find(conf)
    loader = _Loader(conf, agent, sections)
    wattmeters = []
    for name, section in sections.items():
        if not name.startswith(wattmeter_conf.PREFIX):
            continue
        try:
            wattmeters.append(loader.load(section))
        except exception.ConfigurationError as error:
            errors.append(error)
    return wattmeters, errors + loader.orphans()


class _Loader:
    """Turns sections into wattmeters, one after the other."""

    def __init__(self, conf: cfg.ConfigOpts, agent: str,
                 sections: dict[str, conf_sections.Section]) -> None:
        self._conf = conf
        self._agent = agent
        self._sections = sections
        self._owners: dict[str, conf_sections.Section] = {}

    def load(self, section: conf_sections.Section) -> Wattmeter:
        name = section.subject
        if not envelope.is_id(name):
            raise section.error('(name)', 'a wattmeter needs a name of '
                                          'printable characters')
        if not section.options:
            raise section.error('driver', 'the section is empty; it needs at '
                                          'least driver and probes')
        driver_name, driver = self._driver(section)
        options = section.values(
            self._conf, [*wattmeter_conf.OPTS, *driver.opts])
        outlets = self._outlets(section, options)
        settings = tuple(
            self._settings(section, name, driver_name, driver, options, probe)
            for probe in outlets if probe is not None)
        self._owners.update((item.probe.id, section) for item in settings)
        return Wattmeter(name, driver, options, outlets, settings)

    def orphans(self) -> list[exception.ConfigurationError]:
        """Complain about sections of probes that no wattmeter has."""
        prefix = wattmeter_conf.PROBE_PREFIX
        return [section.error('(name)', 'no wattmeter has this probe')
                for name, section in self._sections.items()
                if name.startswith(prefix) and 'sum' not in section.options
                and section.subject not in self._owners]

    def _driver(self, section: conf_sections.Section,
                ) -> tuple[str, type[base.Driver]]:
        name = section.options.get('driver', [''])[-1]
        failures: list[BaseException] = []
        found: stevedore.NamedExtensionManager[base.Driver] = (
            stevedore.NamedExtensionManager(
                _NAMESPACE, [name], warn_on_missing_entrypoint=False,
                on_load_failure_callback=lambda _manager, _entry_point, error:
                failures.append(error)))
        if failures:
            raise section.error('driver', (
                f'{name!r} can not be loaded: {failures[0]}'))
        if name not in found:
            known = sorted({entry_point.name for entry_point
                            in found.list_entry_points()})
            raise section.error('driver', (
                f'{name!r} is unknown; expected one of {", ".join(known)}'))
        return name, found[name].plugin

    def _outlets(self, section: conf_sections.Section,
                 options: dict[str, typing.Any],
                 ) -> tuple[str | None, ...]:
        outlets = tuple(name or None for name in options['probes'] or ())
        taken: set[str] = set()
        for name in filter(None, outlets):
            if not envelope.is_id(name):
                raise section.error('probes', (
                    f'{name!r} is no probe id: expected 1 to 190 printable '
                    'characters'))
            if name in taken:
                raise section.error('probes', f'{name!r} is named twice')
            if name in self._owners:
                raise section.error('probes', (
                    f'{name!r} is a probe of [{self._owners[name].name}] in '
                    f'{self._owners[name].file} too'))
            taken.add(name)
        if not taken:
            raise section.error('probes', 'expected at least one probe id')
        return outlets

    def _settings(self, section: conf_sections.Section, name: str,
                  driver_name: str, driver: type[base.Driver],
                  options: dict[str, typing.Any],
                  probe: str) -> ledger.Settings:
        own_section = self._sections.get(
            wattmeter_conf.PROBE_PREFIX + probe)
        own = ({} if own_section is None
               else own_section.values(self._conf, wattmeter_conf.PROBE_OPTS))
        if own.get('sum') and own_section is not None:
            raise own_section.error('sum', (
                f'a sum has no wattmeter, but this is a probe of '
                f'[{section.name}]'))
        host = own.get('host') or options['metered_host'] or (
            socket.gethostname() if driver.measures_this_machine else probe)
        return ledger.Settings(
            measurement.Probe(
                probe, own.get('scope') or options['scope'] or driver.scope,
                host, name, driver_name, self._agent),
            own.get('max_watts') or options['max_watts'] or _MAX_WATTS,
            max(self._conf.agent.max_gap, 3 * options['interval']),
            options['energy'], options)
