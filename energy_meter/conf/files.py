# SPDX-License-Identifier: Apache-2.0

"""The configuration files of a process, and their lines."""

import collections.abc
import glob
import os
import re
import typing

from oslo_config import cfg

from energy_meter import exception

_ASSIGNMENT = re.compile('[:=]')


class Line(typing.NamedTuple):
    """A section or an option in a configuration file.

    :ivar number: number of its first line.
    :ivar section: name of the section, as written.
    :ivar option: name of the option; None for a section.
    :ivar value: value of the option, as written.
    """

    file: str
    number: int
    section: str
    option: str | None
    value: str

    def error(self, reason: str) -> exception.ConfigurationError:
        """Return an error that names file, line, section and option."""
        return exception.ConfigurationError(
            file=f'{self.file}:{self.number}',
            section=self.section,
            option=self.option or '(name)',
            reason=reason,
        )


def paths(conf: cfg.ConfigOpts) -> list[str]:
    """Return the paths of the configuration files, in their order."""
    found = list(conf.config_file or ())
    for directory in _directories(conf):
        # As oslo.config does: without hidden files.
        found += sorted(glob.glob(os.path.join(directory, '*.conf')))
    return found


def describe(conf: cfg.ConfigOpts) -> str:
    """Return the paths of the configuration files for a message."""
    return ', '.join(paths(conf)) or 'any file: no configuration file exists'


def lines(path: str) -> list[Line]:
    """Return the sections and options of a file in their order.

    :param path: a file that oslo.config has read without an error.
    :raises OSError: if the file cannot be read any more.
    """
    found: list[Line] = []
    section = ''
    with open(path, errors='replace') as stream:
        for number, text in enumerate(stream, 1):
            if text.startswith('['):
                section = text.strip()[1:-1]
                found.append(Line(path, number, section, None, ''))
            elif text[0].isspace():
                # Indented lines continue a value.
                if text.strip() and found:
                    value = f'{found[-1].value}\n{text.strip()}'
                    found[-1] = found[-1]._replace(value=value)
            elif not text.startswith(('#', ';')):
                option, _, value = _ASSIGNMENT.sub('\0', text, 1).partition(
                    '\0'
                )
                found.append(
                    Line(path, number, section, option.strip(), value.strip())
                )
    return found


def locate(
    error: exception.EnergyMeterError, found: collections.abc.Sequence[str]
) -> exception.EnergyMeterError:
    """Return an error with the file and the line of its option.

    :param error: returned as it is if it has a line already, or names no
        section of the files.
    :param found: paths of the configuration files, for errors that do not
        name theirs.
    :raises OSError: if a file cannot be read.
    """
    if not isinstance(error, exception.ConfigurationError):
        return error
    file, section, option, reason = (
        str(error.values[name])
        for name in ('file', 'section', 'option', 'reason')
    )
    # A section whose name contains a range stands for several.
    written = str(error.values.get('written', section))
    matching = [
        line
        for path in (found if file == 'configuration' else [file])
        if os.path.isfile(path)
        for line in lines(path)
        if line.section == written and line.option in (option, None)
    ]
    if not matching:
        return error
    # The last value takes precedence. Without any, the section is named.
    last = sorted(matching, key=lambda line: line.option is not None)[-1]
    return last._replace(section=section, option=option).error(reason)


def check_directories(conf: cfg.ConfigOpts) -> None:
    """Check that the directories of configuration files can be listed.

    oslo.config reads no file of a directory that it may not list, and says
    nothing.

    :raises ConfigurationUnreadable: if one cannot be listed.
    """
    for directory in _directories(conf):
        try:
            os.listdir(directory)
        except OSError as error:
            raise exception.ConfigurationUnreadable(
                path=directory, reason=error.strerror
            ) from None


def _directories(conf: cfg.ConfigOpts) -> list[str]:
    # If --config-dir is repeated, config_dir is only the last of them.
    return [
        os.path.expanduser(directory)
        for directory in conf.config_dirs or conf.config_dir or ()
        if os.path.exists(os.path.expanduser(directory))
    ]
