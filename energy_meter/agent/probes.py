# SPDX-License-Identifier: Apache-2.0

"""IDs and settings of the probes of a wattmeter."""

import collections.abc
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter.agent import metering
from energy_meter.conf import section as conf_section
from energy_meter.conf import wattmeter as wattmeter_conf
from energy_meter.drivers import base

#: Options of single probes, by probe ID; None for a probe that is skipped
#: because its section has an error.
Overrides = dict[str, dict[str, typing.Any] | None]


class Pattern(typing.NamedTuple):
    """Template for the IDs of the probes of all channels of a wattmeter.

    :ivar text: a probe ID with fields in braces.
    :ivar settings: settings that all probes share.
    :ivar overrides: options of single probes.
    """

    text: str
    settings: metering.Settings
    overrides: Overrides

    def format(self, channel: base.Channel) -> str:
        """Return the ID of the probe of a channel.

        :raises KeyError: if the pattern contains an unknown field.
        """
        return self.text.format(**self.fields(channel))

    def check(self) -> None:
        """Check that the pattern contains only known fields.

        :raises ValueError: if it does not.
        """
        channel = base.Channel('1')
        try:
            self.format(channel)
        except (KeyError, IndexError, ValueError, AttributeError):
            known = ', '.join(f'{{{name}}}' for name in self.fields(channel))
            raise ValueError(
                f'{self.text!r} is not a valid pattern; the fields of this '
                f'wattmeter are {known}'
            ) from None

    def fields(self, channel: base.Channel) -> dict[str, str]:
        """Return the values of the fields that the pattern may contain.

        There is no field ``host`` if the wattmeter has no host.
        """
        host = self.settings.options.get('host') or self.settings.probe.host
        return {
            'wattmeter': self.settings.probe.wattmeter,
            **({'host': host} if host else {}),
            'channel': channel.index,
            'name': channel.name or channel.index,
        }


def apply_overrides(
    settings: metering.Settings,
    driver: type[base.Driver],
    probe_id: str,
    options: dict[str, typing.Any],
) -> metering.Settings:
    """Return the settings of one probe.

    :param settings: settings that all probes of its wattmeter share.
    :param driver: driver of its wattmeter.
    :param options: options of the probe's own section.
    """
    shared = settings.probe
    scope = options.get('scope') or shared.scope
    return settings._replace(
        probe=shared._replace(
            id=probe_id,
            scope=scope,
            host=options.get('host') or shared.host or probe_id,
        ),
        max_watts=(
            options.get('max_watts')
            or settings.options.get('max_watts')
            or driver.max_watts_of(scope)
        ),
    )


class ProbeSections:
    """The ``[probe:...]`` sections of the configuration.

    :ivar errors: errors in the sections that were read.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        sections: dict[str, conf_section.Section],
    ) -> None:
        self._conf = conf
        self._sections = {
            section.subject: section
            for name, section in sections.items()
            if name.startswith(wattmeter_conf.PROBE_PREFIX)
        }
        self.errors: list[exception.ConfigurationError] = []

    def overrides(self, probe_ids: collections.abc.Iterable[str]) -> Overrides:
        """Return the options in the sections of these probes."""
        overrides: Overrides = {}
        for probe_id in probe_ids:
            section = self._sections.get(probe_id)
            if section is None:
                continue
            try:
                overrides[probe_id] = self._options(section)
            except exception.ConfigurationError as error:
                overrides[probe_id] = None
                self.errors.append(error)
        return overrides

    def all_overrides(self) -> Overrides:
        """Return the options in the sections of all probes but sum probes."""
        return self.overrides(
            probe_id
            for probe_id, section in self._sections.items()
            if 'sum' not in section.options
        )

    def unused(
        self, listed: collections.abc.Container[str]
    ) -> list[exception.ConfigurationError]:
        """Return an error for each section of a probe without a wattmeter.

        :param listed: IDs of the probes of all wattmeters.
        """
        return [
            section.error('(name)', 'no wattmeter has this probe')
            for probe_id, section in self._sections.items()
            if probe_id not in listed
            and wattmeter_conf.COLLECTORS_OPTS.isdisjoint(section.options)
        ]

    def _options(self, section: conf_section.Section) -> dict[str, typing.Any]:
        if 'sum' in section.options:
            raise section.error(
                'sum',
                'a sum probe has no wattmeter, but this probe belongs to one',
            )
        return section.values(self._conf, wattmeter_conf.PROBE_OPTS)
