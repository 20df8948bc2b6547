# SPDX-License-Identifier: Apache-2.0

"""Configuration sections of wattmeters."""

import collections.abc
import dataclasses
import re
import textwrap

from energy_meter.conf import wattmeter

_INVALID_CHARACTERS = re.compile('[^A-Za-z0-9._:]+')


def make_name(*parts: str) -> str:
    """Return a section or probe name that does not need quotes."""
    return _INVALID_CHARACTERS.sub('-', '-'.join(filter(None, parts))).strip(
        '-'
    )


def probe_ids(
    name: str,
    channels: collections.abc.Mapping[str, str | None],
) -> tuple[str, ...]:
    """Return the IDs of a wattmeter's probes.

    :param name: name of the section.
    :param channels: the wattmeter's name of each channel, if any, by index.
    """
    if len(channels) == 1:
        return (name,)
    suffixes = [
        make_name(channel or '') or index
        for index, channel in channels.items()
    ]
    if len(set(suffixes)) < len(suffixes):
        suffixes = list(channels)
    return tuple(make_name(name, suffix) for suffix in suffixes)


@dataclasses.dataclass(frozen=True)
class Section:
    """One ``[wattmeter:...]`` section.

    :ivar probes: IDs of the probes; None for a channel that is not metered.
    :ivar options: options of the driver; those with value None are unset.
    :ivar secrets: secret options of the driver.
    """

    name: str
    driver: str
    probes: tuple[str | None, ...]
    options: collections.abc.Mapping[str, object] = dataclasses.field(
        default_factory=dict
    )
    secrets: collections.abc.Mapping[str, str] = dataclasses.field(
        default_factory=dict, repr=False
    )

    @classmethod
    def create(
        cls,
        name: str,
        driver: str,
        channels: collections.abc.Mapping[str, str | None],
        options: collections.abc.Mapping[str, object],
        secrets: collections.abc.Mapping[str, str] | None = None,
    ) -> 'Section':
        """Return a section whose probes have the names of the channels."""
        return cls(
            name,
            driver,
            probe_ids(name, channels),
            options,
            {key: value for key, value in (secrets or {}).items() if value},
        )

    def without(self, probes: collections.abc.Collection[str]) -> 'Section':
        """Return a section that does not meter some of the channels."""
        return dataclasses.replace(
            self,
            probes=tuple(
                None if probe in probes else probe for probe in self.probes
            ),
        )

    def text(self, secrets: bool) -> str:
        """Return the section in the format of a configuration file.

        :param secrets: whether to include secrets. Otherwise they are
            replaced by a placeholder, which the agent rejects.
        """
        lines = [
            f'[{wattmeter.PREFIX}{self.name}]',
            f'driver = {self.driver}',
            _line('probes', [probe or '' for probe in self.probes]),
        ]
        lines += [
            _line(name, value)
            for name, value in self.options.items()
            if value is not None
        ]
        lines += [
            f'{name} = {_quoted(value) if secrets else wattmeter.FILL_IN}'
            for name, value in self.secrets.items()
        ]
        return '\n'.join(lines) + '\n'


def _line(name: str, value: object) -> str:
    if not isinstance(value, list | tuple):
        return f'{name} = {_escaped(str(value))}'
    # Wrap lines only between the elements of the list.
    elements = [_escaped(str(element)).replace(' ', '\0') for element in value]
    return textwrap.fill(
        f'{name} = {", ".join(elements)}',
        79,
        subsequent_indent='    ',
        break_long_words=False,
        break_on_hyphens=False,
    ).replace('\0', ' ')


def _escaped(value: str) -> str:
    return value.replace('$', '$$')


def _quoted(value: str) -> str:
    """Quote a value that a configuration file parser would strip."""
    is_plain = value == value.strip() and value[:1] not in ('"', "'")
    return _escaped(value) if is_plain else f'"{_escaped(value)}"'
