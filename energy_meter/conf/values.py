# SPDX-License-Identifier: Apache-2.0

"""Reads option values, and explains invalid ones."""

import math
import re
import typing

from oslo_config import cfg

from energy_meter import exception

DEFAULT = 'DEFAULT'

#: Matches the file and the end of the prefix in oslo.config's text of an
#: invalid value. The file is available nowhere else.
_FILE = re.compile(r"detail='([^']+)'\) is not valid: ")

#: Python's messages for text that is not a number, and what was expected.
_NUMBER_ERRORS = {
    'invalid literal for int() with base 10:': 'an integer',
    'could not convert string to float:': 'a number',
}


def read(
    conf: cfg.ConfigOpts, section: str, opt: cfg.Opt, file: str | None = None
) -> typing.Any:
    """Return the value of an option.

    :param file: file that contains the section, if known.
    :raises ConfigurationError: if the value is invalid; names the file, the
        section and the option.
    """
    try:
        value = (conf if section == DEFAULT else conf[section])[opt.dest]
    except (cfg.Error, ValueError) as error:
        text = str(error)
    else:
        if value is None and opt.default is not None:
            text = 'expected a value, but found none'
        # NaN passes every check of a minimum, and infinity never ends.
        elif not isinstance(value, float) or math.isfinite(value):
            return value
        else:
            text = f'expected a finite number, but found {value}'
    match = _FILE.search(text)
    for python_text, expected in _NUMBER_ERRORS.items():
        text = text.replace(python_text, f'expected {expected}, but found')
    # oslo.config's text contains the value, which may be a secret.
    raise exception.ConfigurationError(
        file=file or (match[1] if match else 'configuration'),
        section=section,
        option=opt.name,
        reason='not a valid value'
        if opt.secret
        else text.rpartition(' is not valid: ')[2],
    )
