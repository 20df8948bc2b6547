# SPDX-License-Identifier: Apache-2.0

"""Configuration sections named by the operator: wattmeters, probes, agents."""

import collections.abc
import typing

from oslo_config import cfg

from energy_meter import exception
from energy_meter.conf import agent_secrets
from energy_meter.conf import files
from energy_meter.conf import values
from energy_meter.conf import wattmeter

#: Beginnings of the names of these sections.
PREFIXES = (wattmeter.PREFIX, wattmeter.PROBE_PREFIX, agent_secrets.PREFIX)


class Section(typing.NamedTuple):
    """A section of the configuration files.

    :ivar file: the first file that contains it.
    :ivar options: values of its options as text, by name.
    """

    name: str
    file: str
    options: dict[str, list[str]]

    @property
    def subject(self) -> str:
        """Name of the section without its prefix."""
        return self.name.partition(':')[2]

    def error(self, option: str, reason: str) -> exception.ConfigurationError:
        """Return an error that names file, section and option."""
        return exception.ConfigurationError(
            file=self.file, section=self.name, option=option, reason=reason
        )

    def values(
        self,
        conf: cfg.ConfigOpts,
        opts: collections.abc.Sequence[cfg.Opt],
    ) -> dict[str, typing.Any]:
        """Return the typed values of the section's options, by name.

        :param conf: the configuration that contains the section.
        :param opts: options that the section may contain.
        :raises ConfigurationError: if an option is unknown, invalid or
            missing.
        """
        valid = {opt.name for opt in opts} | {opt.dest for opt in opts}
        for name in self.options:
            if name not in valid:
                raise self.error(
                    name,
                    'unknown option; expected one of '
                    f'{", ".join(sorted(opt.name for opt in opts))}',
                )
        conf.register_opts(opts, self.name)
        return {opt.dest: self._value(conf, opt) for opt in opts}

    def _value(self, conf: cfg.ConfigOpts, opt: cfg.Opt) -> object:
        value = values.read(conf, self.name, opt, self.file)
        if opt.secret and value == wattmeter.FILL_IN:
            # Devices lock an account after several wrong passwords.
            raise self.error(
                opt.name,
                f'still {wattmeter.FILL_IN}: replace it. {opt.help}',
            )
        if value is None and opt.required:
            raise self.error(opt.name, f'required: {opt.help}')
        return value


def find(
    conf: cfg.ConfigOpts,
) -> tuple[dict[str, Section], list[exception.ConfigurationError]]:
    """Return the sections of wattmeters, probes and agents in all files.

    :returns: the sections by name, and the errors of other sections.
    """
    sections: dict[str, Section] = {}
    names: dict[str, str] = {}
    errors = []
    for file in files.paths(conf):
        content: dict[str, dict[str, list[str]]] = {}
        cfg.ConfigParser(file, content).parse()
        for name, options in content.items():
            if not name.startswith(PREFIXES):
                continue
            section = sections.setdefault(name, Section(name, file, {}))
            section.options.update(options)
            # oslo.config ignores the case of section names.
            if names.setdefault(name.lower(), name) != name:
                del sections[name]
                errors.append(
                    section.error(
                        '(name)',
                        f'differs from [{names[name.lower()]}] only in case',
                    )
                )
    return sections, errors
