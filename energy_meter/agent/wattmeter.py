# SPDX-License-Identifier: Apache-2.0

"""The wattmeters that the configuration names."""

import collections.abc
import socket
import types
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import ledger
from energy_meter.agent import plugins
from energy_meter.bus import envelope
from energy_meter.conf import sections as conf_sections
from energy_meter.conf import wattmeter as wattmeter_conf
from energy_meter.drivers import base

_MAX_WATTS = 100_000.0

_Own = dict[str, dict[str, typing.Any] | None]


class Pattern(typing.NamedTuple):
    """How the probes of all outlets of a wattmeter are named.

    :ivar text: the id of a probe, with fields in braces.
    :ivar settings: how each is metered.
    :ivar own: what single probes have of their own, by id; None for a probe
        that is left out, as its section makes no sense.
    """

    text: str
    settings: ledger.Settings
    own: '_Own'

    def fill(self, item: 'Wattmeter', outlet: base.Outlet) -> str:
        """Give the id of the probe at an outlet.

        :raises KeyError: for a field that is none.
        """
        return self.text.format(**self.fields(item, outlet))

    def fields(self, item: 'Wattmeter', outlet: base.Outlet) -> dict[str, str]:
        """Give what a pattern may name; the host only where there is one."""
        host = item.options.get('host') or self.settings.probe.host
        return {
            'wattmeter': item.name,
            **({'host': host} if host else {}),
            'outlet': outlet.index,
            'name': outlet.name or outlet.index,
        }


class Wattmeter(typing.NamedTuple):
    """One ``[wattmeter:...]`` section that makes sense.

    :ivar options: the values of its options, by name.
    :ivar outlets: ids of its probes, None for an outlet that is left out.
    :ivar probes: how each probe is metered.
    :ivar pattern: how its probes are named when its outlets are known; until
        then it has none.
    """

    name: str
    driver: type[base.Driver]
    options: dict[str, typing.Any]
    outlets: tuple[str | None, ...]
    probes: tuple[ledger.Settings, ...]
    pattern: Pattern | None = None

    @property
    def interval(self) -> float:
        """Seconds between two readings."""
        interval: float = self.options['interval']
        return interval

    def make_driver(self) -> base.Driver:
        """Make a driver that reads it."""
        return self.driver(types.SimpleNamespace(**self.options), self.outlets)

    def resolve(self) -> 'Wattmeter':
        """Ask the wattmeter for its outlets, and name a probe for each.

        One whose probes are named already is given back as it is.

        :raises DriverError: when it can't be asked or can't tell.
        """
        if self.pattern is None:
            return self
        driver = self.make_driver()
        try:
            driver.open()
            ids = [
                self.pattern.fill(self, outlet) for outlet in driver.outlets()
            ]
        finally:
            driver.close()
        if (
            not ids
            or len(set(ids)) < len(ids)
            or not all(map(envelope.is_id, ids))
        ):
            raise exception.ProtocolError(
                device=self.name,
                reason=(
                    f'{self.pattern.text!r} names no probes for its outlets: '
                    f'{", ".join(ids) or "it does not tell them"}; name them in '
                    'probes'
                ),
            )
        return self.equip(ids, self.pattern.settings, self.pattern.own)

    def equip(
        self,
        outlets: collections.abc.Iterable[str | None],
        settings: ledger.Settings,
        own: _Own,
    ) -> 'Wattmeter':
        """Put probes at its outlets.

        :param outlets: their ids, None for an outlet that is left out.
        :param settings: what the probes have in common.
        :param own: as in :class:`Pattern`.
        """
        metered = tuple(
            None if probe is None or own.get(probe, {}) is None else probe
            for probe in outlets
        )
        return self._replace(
            outlets=metered,
            probes=tuple(
                _specialise(settings, probe, own.get(probe) or {})
                for probe in metered
                if probe
            ),
        )

    def unresolved(self) -> 'Wattmeter':
        """Give it as the configuration has it."""
        return (
            self
            if self.pattern is None
            else self._replace(outlets=(), probes=())
        )


def _specialise(
    settings: ledger.Settings, probe: str, special: dict[str, typing.Any]
) -> ledger.Settings:
    """Give the settings of one probe of a wattmeter."""
    common = settings.probe
    return settings._replace(
        probe=common._replace(
            id=probe,
            scope=special.get('scope') or common.scope,
            host=special.get('host') or common.host or probe,
        ),
        max_watts=special.get('max_watts') or settings.max_watts,
    )


def load(
    conf: cfg.ConfigOpts, agent: str
) -> tuple[list[Wattmeter], list[exception.ConfigurationError]]:
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
            item = loader.load(section)
        except exception.ConfigurationError as error:
            errors.append(error)
            continue
        if item.probes or item.pattern:
            wattmeters.append(item)
    return wattmeters, errors + loader.errors + loader.orphans()


class _Loader:
    """Turns sections into wattmeters, one after the other."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        agent: str,
        sections: dict[str, conf_sections.Section],
    ) -> None:
        self._conf = conf
        self._agent = agent
        self._probe_sections = {
            section.subject: section
            for name, section in sections.items()
            if name.startswith(wattmeter_conf.PROBE_PREFIX)
        }
        self._owners: dict[str, conf_sections.Section] = {}
        self._named: set[str] = set()
        self._has_patterns = False
        #: What is wrong with sections of probes.
        self.errors: list[exception.ConfigurationError] = []

    def load(self, section: conf_sections.Section) -> Wattmeter:
        # Whether or not the rest of the section makes sense.
        self._named.update(
            name.strip()
            for text in section.options.get('probes', ())
            for name in text.split(',')
        )
        name = section.subject
        if not envelope.is_id(name):
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
            self._conf, [*wattmeter_conf.OPTS, *driver.opts]
        )
        settings = self._settings(section, driver_name, driver, options)
        item = Wattmeter(name, driver, options, (), ())
        if any('{' in text for text in options['probes'] or ()):
            return item._replace(
                pattern=self._pattern(section, item, settings)
            )
        outlets = self._outlets(section, options)
        probes = tuple(filter(None, outlets))
        self._owners.update(dict.fromkeys(probes, section))
        return item.equip(outlets, settings, self._own(probes))

    def orphans(self) -> list[exception.ConfigurationError]:
        """Complain about sections of probes that no wattmeter has."""
        if self._has_patterns:
            return []
        return [
            section.error('(name)', 'no wattmeter has this probe')
            for probe, section in self._probe_sections.items()
            if probe not in self._named
            and wattmeter_conf.COLLECTORS_OPTS.isdisjoint(section.options)
        ]

    def _own(self, probes: collections.abc.Iterable[str]) -> _Own:
        """Give what the sections of these probes say of them."""
        found: _Own = {}
        for probe in probes:
            section = self._probe_sections.get(probe)
            if section is None:
                continue
            try:
                found[probe] = self._special(section)
            except exception.ConfigurationError as error:
                found[probe] = None
                self.errors.append(error)
        return found

    def _special(
        self,
        section: conf_sections.Section,
    ) -> dict[str, typing.Any]:
        if 'sum' in section.options:
            raise section.error(
                'sum', 'a sum has no wattmeter, but this is a probe of one'
            )
        return section.values(self._conf, wattmeter_conf.PROBE_OPTS)

    def _pattern(
        self,
        section: conf_sections.Section,
        item: Wattmeter,
        settings: ledger.Settings,
    ) -> Pattern:
        """Give the pattern that names the probes of all outlets."""
        text, *more = item.options['probes']
        if more:
            raise section.error(
                'probes',
                (
                    'a pattern names all outlets: nothing else can stand beside '
                    'it'
                ),
            )
        self._has_patterns = True
        pattern = Pattern(
            text,
            settings,
            self._own(
                probe
                for probe, other in self._probe_sections.items()
                if 'sum' not in other.options
            ),
        )
        outlet = base.Outlet('1')
        try:
            pattern.fill(item, outlet)
        except (KeyError, IndexError, ValueError, AttributeError):
            known = ', '.join(
                f'{{{field}}}' for field in pattern.fields(item, outlet)
            )
            raise section.error(
                'probes',
                (
                    f'{text!r} is no pattern: the fields of this wattmeter are '
                    f'{known}'
                ),
            ) from None
        return pattern

    def _outlets(
        self,
        section: conf_sections.Section,
        options: dict[str, typing.Any],
    ) -> tuple[str | None, ...]:
        outlets = tuple(name or None for name in options['probes'] or ())
        taken: set[str] = set()
        for name in filter(None, outlets):
            if not envelope.is_id(name):
                raise section.error(
                    'probes',
                    (
                        f'{name!r} is no probe id: expected 1 to 190 printable '
                        'characters'
                    ),
                )
            if name in taken:
                raise section.error('probes', f'{name!r} is named twice')
            if name in self._owners:
                raise section.error(
                    'probes',
                    (
                        f'{name!r} is a probe of [{self._owners[name].name}] in '
                        f'{self._owners[name].file} too'
                    ),
                )
            taken.add(name)
        if not taken:
            raise section.error('probes', 'expected at least one probe id')
        return outlets

    def _settings(
        self,
        section: conf_sections.Section,
        driver_name: str,
        driver: type[base.Driver],
        options: dict[str, typing.Any],
    ) -> ledger.Settings:
        """Give what all probes of a wattmeter have in common."""
        host = options['metered_host'] or (
            socket.gethostname() if driver.measures_this_machine else ''
        )
        try:
            scope = options['scope'] or driver.scope_of(
                types.SimpleNamespace(**options)
            )
        except exception.DriverError as error:
            raise section.error('driver', str(error))
        return ledger.Settings(
            measurement.Probe(
                '', scope, host, section.subject, driver_name, self._agent
            ),
            options['max_watts'] or _MAX_WATTS,
            max(self._conf.agent.max_gap, 3 * options['interval']),
            options['energy'],
            options,
        )
