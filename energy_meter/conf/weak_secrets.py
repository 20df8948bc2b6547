# SPDX-License-Identifier: Apache-2.0

"""Secrets that can be guessed."""

import collections.abc
import re

from oslo_config import cfg

from energy_meter import exception
from energy_meter.conf import agent_secrets
from energy_meter.conf import bus
from energy_meter.conf import files

MIN_LENGTH = 16
#: Fewer characters repeat, as in "aaaaaaaaaaaaaaaa" or "secretsecretsecret".
MIN_CHARACTERS = 8

#: Secrets and passwords of the documentation.
_PUBLISHED = re.compile('SECRET(-OF-.+)?|current-secret|previous-secret')
_PASSWORD = re.compile('(?:^|:)PASSWORD(?:@|$)')
#: RabbitMQ accepts it from its own machine only, unless configured otherwise.
_GUEST = re.compile(r'//guest:guest@(?!127\.|localhost\b|\[::1\])')

_REMEDY = 'generate one with: openssl rand -hex 32'


def find(conf: cfg.ConfigOpts) -> list[exception.ConfigurationError]:
    """Return an error for each weak secret in the configuration files.

    Its text does not contain the secret.

    :raises OSError: if a file cannot be read.
    """
    # The last line of an option takes precedence.
    lines = {
        (line.section, line.option): line
        for path in files.paths(conf)
        for line in files.lines(path)
        if line.option is not None
    }
    section_of: dict[str, str] = {}
    return [
        line.error(reason)
        for line in lines.values()
        for reason in (
            *_reasons_for_secrets(line, section_of),
            *_reasons_for_passwords(line.value),
        )
    ]


def _reasons_for_secrets(
    line: files.Line, section_of: dict[str, str]
) -> collections.abc.Iterator[str]:
    """Explain which secrets of an option are weak.

    :param section_of: section of each secret of an agent found so far.
    """
    if line.option != 'secrets' or not (
        line.section.lower() == bus.GROUP
        or line.section.startswith(agent_secrets.PREFIX)
    ):
        return
    secrets = filter(None, map(str.strip, line.value.split(',')))
    for number, secret in enumerate(secrets, 1):
        if reason := _weakness(secret):
            yield f'secret {number} {reason}; {_REMEDY}'
        elif secret in section_of:
            yield (
                f'secret {number} is also in [{section_of[secret]}]; {_REMEDY}'
            )
        # A secret of [bus] in another section is an error of its readers.
        if line.section.lower() != bus.GROUP:
            section_of[secret] = line.section


def _weakness(secret: str) -> str:
    if _PUBLISHED.fullmatch(secret):
        return 'is published in the documentation'
    if len(secret) < MIN_LENGTH:
        return f'has fewer than {MIN_LENGTH} characters'
    if len(set(secret)) < MIN_CHARACTERS:
        return f'has fewer than {MIN_CHARACTERS} different characters'
    return ''


def _reasons_for_passwords(value: str) -> collections.abc.Iterator[str]:
    if _PASSWORD.search(value):
        yield 'contains PASSWORD of the documentation; replace it'
    if _GUEST.search(value):
        yield (
            'contains the default password of RabbitMQ; create a user with a '
            'password of its own'
        )
