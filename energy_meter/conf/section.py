# SPDX-License-Identifier: Apache-2.0

"""A configuration section named by the operator, and its values."""

import collections.abc
import copy
import pathlib
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter.conf import ranges
from energy_meter.conf import secret_files
from energy_meter.conf import values
from energy_meter.conf import wattmeter


class Source(typing.NamedTuple):
    """Place at which an operator wrote an option.

    :ivar section: name of the section, as written.
    """

    file: str
    section: str


class Section(typing.NamedTuple):
    """A section of the configuration files.

    :ivar name: with an element instead of the range that it may contain.
    :ivar written: name of the section as written.
    :ivar file: first file that contains the section.
    :ivar options: values of its options as text, by name; those of its
        template included.
    :ivar sources: where each option was written.
    :ivar position: of the element in the range of the name, if it has one.
    :ivar flaw: error of the section as a whole, if it has one.
    """

    name: str
    written: str
    file: str
    options: dict[str, list[str]]
    sources: dict[str, Source]
    position: ranges.Position | None = None
    flaw: exception.ConfigurationError | None = None

    @property
    def subject(self) -> str:
        """Name of the section without its prefix."""
        return self.name.partition(':')[2]

    def error(self, option: str, reason: str) -> exception.ConfigurationError:
        """Return an error that names file, section and option.

        If the option is that of a template, it names the template. Its value
        ``written`` is the name of that section as written, ``size`` the number
        of sections for which that stands, and ``affected`` the names of the
        sections that cannot be used.
        """
        source = self.sources.get(option, Source(self.file, self.written))
        is_own = source.section == self.written
        return exception.ConfigurationError(
            file=source.file,
            section=self.name if is_own else source.section,
            option=option,
            reason=reason,
            written=source.section,
            size=self.position.size if is_own and self.position else 1,
            affected=frozenset({self.name}),
        )

    def text(self, option: str) -> str:
        """Return the text of an option, or '' if the section lacks it.

        :raises ConfigurationError: if its ranges and that of the section's
            name have different sizes.
        """
        text = self.options.get(option, [''])[-1]
        if self.position is None:
            return text
        try:
            return ranges.at(text, self.position)
        except ValueError as error:
            raise self.error(option, str(error)) from None

    def values(
        self,
        conf: cfg.ConfigOpts,
        opts: collections.abc.Sequence[cfg.Opt],
    ) -> dict[str, typing.Any]:
        """Return the typed values of the section's options, by name.

        :param conf: the configuration that contains the section.
        :param opts: options that the section may contain. For a secret
            option, it may contain the name of a file instead.
        :raises ConfigurationError: if an option is unknown, invalid or
            missing.
        """
        file_opts = [_file_opt(opt) for opt in opts if opt.secret]
        known = {opt.name for opt in (*opts, *file_opts)}
        for name in self.options:
            if name not in known:
                raise self.error(
                    name,
                    'unknown option; expected one of '
                    f'{", ".join(sorted(known))}',
                )
        in_files = {opt.name for opt in opts if self._is_in_file(opt)}
        # All of them first: options may refer to others.
        for opt in (*opts, *file_opts):
            if opt.name not in in_files:
                self._register(conf, opt)
        return {
            opt.dest: self._value(conf, opt, opt.name in in_files)
            for opt in opts
        }

    def _register(self, conf: cfg.ConfigOpts, opt: cfg.Opt) -> None:
        if opt.name in self.options:
            text = self._text_of(opt)
            if self.sources[opt.name].section != self.name:
                # For oslo.config, another section contains the option.
                opt = copy.copy(opt)
                opt.default = text
        conf.register_opt(opt, self.name)

    def _value(
        self, conf: cfg.ConfigOpts, opt: cfg.Opt, is_in_file: bool
    ) -> object:
        if is_in_file:
            name = _file_opt(opt).name
            value = self._read_secret(conf, opt)
        else:
            name = opt.name
            value = self._read(conf, opt)
        if opt.secret and value == wattmeter.FILL_IN:
            # Devices lock an account after several wrong passwords.
            raise self.error(
                name,
                f'still {wattmeter.FILL_IN}: replace it. {opt.help}',
            )
        if value is None and opt.required:
            raise self.error(opt.name, f'required: {opt.help}')
        return value

    def _read(self, conf: cfg.ConfigOpts, opt: cfg.Opt) -> object:
        try:
            value = values.read(conf, self.name, opt)
        except exception.ConfigurationError as error:
            raise self.error(opt.name, str(error.values['reason'])) from None
        if value is None and opt.name in self.options:
            raise self.error(opt.name, values.NONE)
        return value

    def _text_of(self, opt: cfg.Opt) -> str:
        # A secret may contain anything, even what looks like a range.
        text = (
            self.options[opt.name][-1] if opt.secret else self.text(opt.name)
        )
        if values.has_invalid_reference(text):
            raise self.error(
                opt.name,
                'expected the name of another option and } after ${; write '
                '$$ for a dollar sign',
            )
        if (
            not opt.secret
            and self.position is None
            and not isinstance(opt.type, ranges.IDs)
            and ranges.has_numbers(text)
        ):
            raise self.error(
                opt.name,
                f'{text!r} contains a range, but the name of the section '
                f'does not; name it [{self.name}-{{1..9}}], for example',
            )
        return text

    def _is_in_file(self, opt: cfg.Opt) -> bool:
        """Return whether the value of an option is in a file.

        What the section itself contains takes precedence over its template.

        :raises ConfigurationError: if a secret is given twice.
        """
        if not opt.secret:
            return False
        file_name = _file_opt(opt).name
        given = [
            name for name in (opt.name, file_name) if name in self.options
        ]
        own = [
            name
            for name in given
            if self.sources[name].section == self.written
        ]
        chosen = own or given
        if len(chosen) > 1:
            raise self.error(
                file_name, f'{opt.name} is set as well; remove one of them'
            )
        return chosen == [file_name]

    def _read_secret(self, conf: cfg.ConfigOpts, opt: cfg.Opt) -> object:
        """Return the value of a secret option that is in a file."""
        file_opt = _file_opt(opt)
        directory = pathlib.Path(self.sources[file_opt.name].file).parent
        path = directory / str(self._read(conf, file_opt))
        try:
            text = secret_files.read(path)
        except ValueError as error:
            raise self.error(file_opt.name, str(error)) from None
        try:
            return opt.type(text)
        except ValueError:
            # The error contains the secret.
            raise self.error(
                file_opt.name, f'{path} contains no valid value'
            ) from None


def _file_opt(opt: cfg.Opt) -> cfg.Opt:
    """Return the option that names the file of a secret option."""
    return cfg.StrOpt(
        f'{opt.name}_file', help=f'File that contains {opt.name}.'
    )
