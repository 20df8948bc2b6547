# SPDX-License-Identifier: Apache-2.0

"""Wattmeters of the configuration."""

import collections.abc
import contextlib
import socket
import types
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import driving
from energy_meter.agent import metering
from energy_meter.agent import plugins
from energy_meter.agent import probes as agent_probes
from energy_meter.bus import fields
from energy_meter.conf import section as conf_section
from energy_meter.conf import sections as conf_sections
from energy_meter.conf import wattmeter as wattmeter_conf
from energy_meter.drivers import base


class Wattmeter(typing.NamedTuple):
    """A wattmeter as configured in a valid ``[wattmeter:...]`` section.

    :ivar options: values of its options, by name.
    :ivar probe_ids: IDs of its probes in the order of its channels; None for
        a channel that is not metered.
    :ivar probes: settings of each probe.
    :ivar pattern: template for the IDs of its probes. Until :meth:`resolve`
        such a wattmeter has no probes.
    """

    name: str
    driver: type[base.Driver]
    options: dict[str, typing.Any]
    probe_ids: tuple[str | None, ...]
    probes: tuple[metering.Settings, ...]
    pattern: agent_probes.Pattern | None = None

    @property
    def interval(self) -> float:
        """Interval in seconds between two readings."""
        interval: float = self.options['interval']
        return interval

    def make_driver(self) -> base.Driver:
        """Return a new driver object that reads this wattmeter."""
        return self.driver(
            types.SimpleNamespace(**self.options), self.probe_ids
        )

    def resolve(
        self,
        track: collections.abc.Callable[
            [base.Driver], base.Driver
        ] = lambda driver: driver,
    ) -> 'Wattmeter':
        """Return this wattmeter with one probe for each of its channels.

        The channels are read from the device. A wattmeter without a pattern
        is returned as it is.

        :param track: called with the driver that reads them; returns it.
        :raises DriverError: if the wattmeter cannot be read, or its channels
            do not yield valid and unique probe IDs.
        """
        if self.pattern is None:
            return self
        channels = driving.use(
            track(self.make_driver()),
            self.name,
            lambda driver: driver.channels(),
        )
        probe_ids = list(map(self.pattern.format, channels))
        if (
            not probe_ids
            or len(set(probe_ids)) < len(probe_ids)
            or not all(map(fields.is_id, probe_ids))
        ):
            ids_text = ', '.join(probe_ids) or 'the device lists no channels'
            raise exception.ProtocolError(
                device=self.name,
                reason=(
                    f'pattern {self.pattern.text!r} yields no valid and '
                    f'unique probe IDs ({ids_text}); list the IDs in probes'
                ),
            )
        return self.with_probes(
            probe_ids, self.pattern.settings, self.pattern.overrides
        )

    def with_probes(
        self,
        probe_ids: collections.abc.Iterable[str | None],
        settings: metering.Settings,
        overrides: agent_probes.Overrides,
    ) -> 'Wattmeter':
        """Return this wattmeter with the given probes.

        :param probe_ids: IDs in the order of the channels.
        :param settings: settings that all probes share.
        :param overrides: options of single probes.
        """
        metered = tuple(
            None
            if probe_id is None or overrides.get(probe_id, {}) is None
            else probe_id
            for probe_id in probe_ids
        )
        return self._replace(
            probe_ids=metered,
            probes=tuple(
                agent_probes.apply_overrides(
                    settings,
                    self.driver,
                    probe_id,
                    overrides.get(probe_id) or {},
                )
                for probe_id in metered
                if probe_id
            ),
        )

    def unresolved(self) -> 'Wattmeter':
        """Return this wattmeter as it was before :meth:`resolve`."""
        return (
            self
            if self.pattern is None
            else self._replace(probe_ids=(), probes=())
        )


#: Wattmeters of valid sections, and errors of other sections.
Loaded = tuple[list[Wattmeter], list[exception.ConfigurationError]]


def load(conf: cfg.ConfigOpts, agent: str) -> Loaded:
    """Load all wattmeters of the configuration.

    :param agent: name of this agent.
    :returns: the wattmeters, and the errors of sections that are not valid.
    """
    sections, errors = conf_sections.find(conf)
    loader = _Loader(conf, agent, sections)
    wattmeters = []
    for name, section in sections.items():
        if not name.startswith(wattmeter_conf.PREFIX):
            continue
        try:
            wattmeter = loader.load(section)
        except exception.ConfigurationError as error:
            errors.append(error)
            continue
        if wattmeter.probes or wattmeter.pattern:
            wattmeters.append(wattmeter)
    errors += loader.probe_section_errors()
    return wattmeters, conf_sections.merge(errors)


class _Loader:
    """Converts sections to wattmeters."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        agent: str,
        sections: dict[str, conf_section.Section],
    ) -> None:
        self._conf = conf
        self._agent = agent
        self._probe_sections = agent_probes.ProbeSections(conf, sections)
        self._section_of_probe: dict[str, conf_section.Section] = {}
        self._listed: set[str] = set()
        self._has_patterns = False

    def load(self, section: conf_section.Section) -> Wattmeter:
        """Convert the section of a wattmeter.

        :raises ConfigurationError: if the section is invalid.
        """
        # Even if this section is invalid, the sections of its probes are used.
        with contextlib.suppress(exception.ConfigurationError):
            self._listed.update(wattmeter_conf.split(section.text('probes')))
        if section.flaw is not None:
            raise section.flaw
        name = section.subject
        if not fields.is_id(name):
            raise section.error(
                '(name)', 'a wattmeter needs a name of printable characters'
            )
        if not section.options:
            raise section.error(
                'driver',
                'the section is empty; it needs at least driver and probes',
            )
        driver_name, driver = plugins.find(section)
        options = section.values(
            self._conf,
            wattmeter_conf.with_quotes([*wattmeter_conf.OPTS, *driver.opts]),
        )
        # A template that only gets another name changes nothing.
        del options['template']
        settings = self._settings(section, driver_name, driver, options)
        wattmeter = Wattmeter(name, driver, options, (), ())
        if any('{' in text for text in options['probes'] or ()):
            return wattmeter._replace(pattern=self._pattern(section, settings))
        probe_ids = self._probe_ids(section, options)
        used = tuple(filter(None, probe_ids))
        self._section_of_probe.update(dict.fromkeys(used, section))
        return wattmeter.with_probes(
            probe_ids, settings, self._probe_sections.overrides(used)
        )

    def probe_section_errors(self) -> list[exception.ConfigurationError]:
        """Return the errors of the sections of probes."""
        if self._has_patterns:
            # The IDs of their probes are not known yet.
            return self._probe_sections.errors
        return self._probe_sections.errors + self._probe_sections.unused(
            self._listed
        )

    def _pattern(
        self, section: conf_section.Section, settings: metering.Settings
    ) -> agent_probes.Pattern:
        """Return the pattern for the probes of all channels."""
        text, *more = settings.options['probes']
        if more:
            raise section.error(
                'probes',
                'a pattern covers all channels; remove the other entries',
            )
        self._has_patterns = True
        pattern = agent_probes.Pattern(
            text, settings, self._probe_sections.all_overrides()
        )
        try:
            pattern.check()
        except ValueError as error:
            raise section.error('probes', str(error)) from None
        return pattern

    def _probe_ids(
        self, section: conf_section.Section, options: dict[str, typing.Any]
    ) -> tuple[str | None, ...]:
        probe_ids = tuple(text or None for text in options['probes'] or ())
        seen: set[str] = set()
        for probe_id in filter(None, probe_ids):
            if not fields.is_id(probe_id):
                raise section.error(
                    'probes',
                    f'{probe_id!r} is not a valid probe ID; expected 1 to 190 '
                    'printable characters',
                )
            if probe_id in seen:
                raise section.error('probes', f'{probe_id!r} is listed twice')
            if other := self._section_of_probe.get(probe_id):
                raise section.error(
                    'probes',
                    f'{probe_id!r} is also a probe of [{other.name}] in '
                    f'{other.file}',
                )
            seen.add(probe_id)
        if not seen:
            raise section.error('probes', 'expected at least one probe ID')
        return probe_ids

    def _settings(
        self,
        section: conf_section.Section,
        driver_name: str,
        driver: type[base.Driver],
        options: dict[str, typing.Any],
    ) -> metering.Settings:
        """Return the settings that all probes of a wattmeter share."""
        host = options['metered_host'] or (
            socket.gethostname() if driver.measures_this_machine else ''
        )
        try:
            scope = options['scope'] or driver.scope_of(
                types.SimpleNamespace(**options)
            )
        except exception.DriverError as error:
            option = str(error.values.get('option', 'driver'))
            reason = str(error.values.get('reason', error))
            raise section.error(option, reason) from None
        return metering.Settings(
            measurement.Probe(
                '', scope, host, section.subject, driver_name, self._agent
            ),
            options['max_watts'] or driver.max_watts_of(scope),
            max(self._conf.agent.max_gap, 3 * options['interval']),
            options['energy'],
            options,
        )
