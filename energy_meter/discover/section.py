# SPDX-License-Identifier: Apache-2.0

"""Sections of wattmeters, as they stand in a configuration file."""

import collections.abc
import dataclasses
import re
import textwrap

from energy_meter.conf import wattmeter

_ODD = re.compile('[^A-Za-z0-9._:]+')


def name_of(*words: str) -> str:
    """Make a name of a section or a probe that needs no quotes."""
    return _ODD.sub('-', '-'.join(filter(None, words))).strip('-')


def probe_ids(
    name: str,
    outlets: collections.abc.Mapping[str, str | None],
) -> tuple[str, ...]:
    """Make the ids of a wattmeter's probes.

    :param name: of the section.
    :param outlets: by index or the like the name of each, if it has one.
    """
    if len(outlets) == 1:
        return (name,)
    words = [name_of(own or '') or index for index, own in outlets.items()]
    if len(set(words)) < len(words):
        words = list(outlets)
    return tuple(name_of(name, word) for word in words)


@dataclasses.dataclass(frozen=True)
class Section:
    """One ``[wattmeter:...]`` section.

    :ivar probes: ids of the probes, None for an outlet that is left out.
    :ivar options: the driver's options; what is None is not given.
    :ivar secrets: those of its options that are secret.
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
    def of(
        cls,
        name: str,
        driver: str,
        outlets: collections.abc.Mapping[str, str | None],
        options: collections.abc.Mapping[str, object],
        secrets: collections.abc.Mapping[str, str] | None = None,
    ) -> 'Section':
        """Make a section whose probes have the outlets' names."""
        return cls(
            name,
            driver,
            probe_ids(name, outlets),
            options,
            {key: value for key, value in (secrets or {}).items() if value},
        )

    def without(self, probes: collections.abc.Collection[str]) -> 'Section':
        """Leave some outlets out."""
        return dataclasses.replace(
            self,
            probes=tuple(
                None if probe in probes else probe for probe in self.probes
            ),
        )

    def text(self, secrets: bool) -> str:
        """Write it down.

        :param secrets: with the secrets themselves, rather than with
            something that the agent refuses until it is filled in.
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
    # A line may end between items, but not at a blank within one.
    items = [_escaped(str(item)).replace(' ', '\0') for item in value]
    return textwrap.fill(
        f'{name} = {", ".join(items)}',
        79,
        subsequent_indent='    ',
        break_long_words=False,
        break_on_hyphens=False,
    ).replace('\0', ' ')


def _escaped(value: str) -> str:
    return value.replace('$', '$$')


def _quoted(value: str) -> str:
    """Keep what a configuration file would strip."""
    kept = value == value.strip() and value[:1] not in ('"', "'")
    return _escaped(value) if kept else f'"{_escaped(value)}"'
