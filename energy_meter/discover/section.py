# SPDX-License-Identifier: Apache-2.0

"""Configuration sections of wattmeters."""

import collections.abc
import contextlib
import dataclasses
import re
import textwrap
import unicodedata

from energy_meter import exception
from energy_meter.conf import wattmeter

_INVALID_CHARACTERS = re.compile('[^A-Za-z0-9._:]+')

#: Unicode categories of control characters, surrogates and line separators. A
#: device could end its name with a line feed to add sections to the file.
_CONTROL_CATEGORIES = frozenset({'Cc', 'Cs', 'Zl', 'Zp'})

_QUOTES = ('"', "'")


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
    """One ``[wattmeter:...]`` or ``[template:...]`` section.

    :ivar driver: name of the driver; None to inherit it from the template.
    :ivar probes: IDs of the probes; None for a channel that is not metered.
    :ivar options: options of the driver; those with value None are unset.
    :ivar secrets: secret options of the driver.
    :ivar prefix: first part of the name in the configuration file.
    :ivar template: name of the template from which it inherits options.
    """

    name: str
    driver: str | None
    probes: tuple[str | None, ...]
    options: collections.abc.Mapping[str, object] = dataclasses.field(
        default_factory=dict
    )
    secrets: collections.abc.Mapping[str, str] = dataclasses.field(
        default_factory=dict, repr=False
    )
    prefix: str = wattmeter.PREFIX
    template: str | None = None

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
        :raises ConfigurationError: if a configuration file cannot contain a
            name or a value of the section.
        """
        self._check()
        options = {
            'template': self.template,
            'driver': self.driver,
            'probes': [probe or '' for probe in self.probes] or None,
            **self.options,
        }
        lines = [f'[{self.prefix}{self.name}]']
        lines += [
            _line(name, value)
            for name, value in options.items()
            if value is not None
        ]
        lines += [
            _line(name, value if secrets else wattmeter.FILL_IN)
            for name, value in self.secrets.items()
        ]
        return '\n'.join(lines) + '\n'

    def _check(self) -> None:
        """Check that the section reads back as it is written.

        :raises ConfigurationError: if it does not.
        """
        for name, value in (
            ('(name)', self.name),
            ('driver', self.driver),
            ('template', self.template),
            ('probes', self.probes),
            *((name, name) for name in self.options),
            *self.options.items(),
        ):
            is_list = isinstance(value, list | tuple)
            for text in _texts(value):
                if reason := _unwritable(text, is_list):
                    raise self._error(name, f'{text!r} {reason}')
        for probe in filter(None, self.probes):
            if '{' in probe:
                raise self._error(
                    'probes', f'{probe!r} is a pattern, not an ID'
                )
        for name, secret in self.secrets.items():
            if reason := _unwritable(secret, is_element=False):
                raise self._error(name, f'the value {reason}')

    def _error(self, name: str, reason: str) -> exception.ConfigurationError:
        return exception.ConfigurationError(
            f'[{self.prefix}{self.name}] {name}: {reason}'
        )


def _texts(value: object) -> list[str]:
    elements = value if isinstance(value, list | tuple) else [value]
    return [str(each) for each in elements if each is not None]


def _unwritable(text: str, is_element: bool) -> str | None:
    """Return why a configuration file cannot contain a text, or None."""
    if any(unicodedata.category(each) in _CONTROL_CATEGORIES for each in text):
        return (
            'contains control characters, which could change other parts of '
            'the configuration file; change the name on the device'
        )
    if '\\$' in text:
        return (
            'contains a backslash before a dollar sign, which a configuration '
            'file cannot contain'
        )
    if is_element and _element(text) is None:
        return (
            'contains commas next to both kinds of quotes, which a list in a '
            'configuration file cannot contain'
        )
    return None


def _line(name: str, value: object) -> str:
    if not isinstance(value, list | tuple):
        return f'{name} = {_escaped(_quoted(str(value)))}'
    elements = [_element(str(element)) or '' for element in value]
    # oslo.config ignores commas at the end, and with them empty elements.
    if elements and not elements[-1]:
        elements[-1] = '""'
    # oslo.config removes quotes that enclose the whole value.
    if elements and elements[-1][-1] in _QUOTES:
        elements[-1] += ','
    # Wrap lines only between the elements of the list.
    return textwrap.fill(
        f'{name} = '
        + ', '.join(
            _escaped(element).replace(' ', '\0') for element in elements
        ),
        79,
        subsequent_indent='    ',
        break_long_words=False,
        break_on_hyphens=False,
    ).replace('\0', ' ')


def _escaped(value: str) -> str:
    return value.replace('$', '$$')


def _quoted(value: str) -> str:
    """Quote a value that a configuration file parser would strip."""
    is_plain = value == value.strip() and value[:1] not in _QUOTES
    return value if is_plain else f'"{value}"'


def _element(value: str) -> str | None:
    """Quote an element of a list if it would not read back otherwise.

    :returns: the quoted element; None if no quotes help.
    """
    for quote in ('', *_QUOTES):
        text = quote + value + quote
        with contextlib.suppress(ValueError):
            if wattmeter.LIST(f'{text}, next') == [value, 'next']:
                return text
    return None
