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

import collections.abc
import pathlib
import socket
import types
import typing

from oslo_config import cfg
import stevedore

from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import ledger
from energy_meter.bus import envelope
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


class Section(typing.NamedTuple):
    """A section as it stands in the configuration files."""

    name: str
    file: str
    options: dict[str, list[str]]

    def error(self, option: str, reason: str) -> exception.ConfigurationError:
        return exception.ConfigurationError(
            file=self.file, section=self.name, option=option, reason=reason)


def load(conf: cfg.ConfigOpts, agent: str) -> tuple[
        list[Wattmeter], list[exception.ConfigurationError]]:
    """Read the wattmeters from the configuration.

    :param agent: name of this agent.
    :returns: those that make sense, and what is wrong with the others.
    """
    sections, errors = _sections(conf)
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


def _sections(conf: cfg.ConfigOpts) -> tuple[
        dict[str, Section], list[exception.ConfigurationError]]:
    """Find the sections of wattmeters and probes in all files."""
    found: dict[str, Section] = {}
    names: dict[str, str] = {}
    errors = []
    for file in _files(conf):
        content: dict[str, dict[str, list[str]]] = {}
        cfg.ConfigParser(file, content).parse()
        for name, options in content.items():
            if not name.startswith((wattmeter_conf.PREFIX,
                                    wattmeter_conf.PROBE_PREFIX)):
                continue
            section = found.setdefault(name, Section(name, file, {}))
            section.options.update(options)
            if names.setdefault(name.lower(), name) != name:
                del found[name]
                errors.append(section.error('(name)', (
                    f'differs from [{names[name.lower()]}] only in case')))
    return found, errors


def _files(conf: cfg.ConfigOpts) -> list[str]:
    files = list(conf.config_file or ())
    for directory in conf.config_dir or ():
        files += sorted(map(str, pathlib.Path(directory).glob('*.conf')))
    return files


class _Loader:
    """Turns sections into wattmeters, one after the other."""

    def __init__(self, conf: cfg.ConfigOpts, agent: str,
                 sections: dict[str, Section]) -> None:
        self._conf = conf
        self._agent = agent
        self._sections = sections
        self._owners: dict[str, Section] = {}

    def load(self, section: Section) -> Wattmeter:
        name = section.name.removeprefix(wattmeter_conf.PREFIX)
        if not envelope.is_id(name):
            raise section.error('(name)', 'a wattmeter needs a name of '
                                          'printable characters')
        if not section.options:
            raise section.error('driver', 'the section is empty; it needs at '
                                          'least driver and probes')
        driver_name, driver = self._driver(section)
        options = self._values(section, [*wattmeter_conf.OPTS, *driver.opts])
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
                if name.startswith(prefix)
                and name.removeprefix(prefix) not in self._owners]

    def _driver(self, section: Section) -> tuple[str, type[base.Driver]]:
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

    def _values(self, section: Section,
                opts: collections.abc.Sequence[cfg.Opt],
                ) -> dict[str, typing.Any]:
        """Give the typed values of a section.

        :raises ConfigurationError: for an unknown, ill-typed or missing
            option.
        """
        known = {opt.name: opt for opt in opts}
        known |= {opt.dest: opt for opt in opts}
        for name in section.options:
            if name not in known:
                raise section.error(name, (
                    'unknown option; expected one of '
                    f'{", ".join(sorted({opt.name for opt in opts}))}'))
        self._conf.register_opts(opts, section.name)
        return {opt.dest: self._value(section, opt) for opt in opts}

    def _value(self, section: Section, opt: cfg.Opt) -> object:
        try:
            value = self._conf[section.name][opt.dest]
        except (ValueError, cfg.Error) as error:
            # The library's text shows the value, which may be a secret.
            raise section.error(opt.name, (
                'not a valid value' if opt.secret else
                str(error).rpartition(' is not valid: ')[2]))
        if value is None and opt.required:
            raise section.error(opt.name, f'needed: {opt.help}')
        return value

    def _outlets(self, section: Section, options: dict[str, typing.Any],
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

    def _settings(self, section: Section, name: str, driver_name: str,
                  driver: type[base.Driver],
                  options: dict[str, typing.Any],
                  probe: str) -> ledger.Settings:
        own_section = self._sections.get(
            wattmeter_conf.PROBE_PREFIX + probe)
        own = ({} if own_section is None
               else self._values(own_section, wattmeter_conf.PROBE_OPTS))
        host = own.get('host') or options['metered_host'] or (
            socket.gethostname() if driver.measures_this_machine else probe)
        return ledger.Settings(
            measurement.Probe(
                probe, own.get('scope') or options['scope'] or driver.scope,
                host, name, driver_name, self._agent),
            own.get('max_watts') or options['max_watts'] or _MAX_WATTS,
            max(self._conf.agent.max_gap, 3 * options['interval']),
            options['energy'], options)
