# SPDX-License-Identifier: Apache-2.0

"""Reads option values, and explains invalid ones."""

import math
import re
import typing

from oslo_config import cfg

from energy_meter import exception

DEFAULT = 'DEFAULT'

#: Reason of an error of an option without a value.
NONE = 'expected a value, but found none'

#: Matches the file and the end of the prefix in oslo.config's text of an
#: invalid value. The file is available nowhere else.
_FILE = re.compile(r"detail='([^']+)'\) is not valid: ")

#: Matches escaped dollar signs, and references that oslo.config replaces.
_REFERENCE = re.compile(r'\$\$|\\\$|\$\{[_a-z][._a-z0-9]*\}', re.IGNORECASE)

#: Python's messages for text that is not a number, and what was expected.
_NUMBER_ERRORS = {
    'invalid literal for int() with base 10:': 'an integer',
    'could not convert string to float:': 'a number',
}


def read(conf: cfg.ConfigOpts, section: str, opt: cfg.Opt) -> typing.Any:
    """Return the value of an option.

    :raises ConfigurationError: if the value is invalid; names the file, the
        section and the option.
    """
    try:
        value = (conf if section == DEFAULT else conf[section])[opt.dest]
    except (
        cfg.NoSuchOptError,
        cfg.NoSuchGroupError,
        cfg.TemplateSubstitutionError,
        RecursionError,
    ) as error:
        text = _explain_reference(error, opt.secret)
        raise exception.ConfigurationError(
            file='configuration',
            section=section,
            option=opt.name,
            reason=text,
        ) from None
    except (cfg.Error, ValueError) as error:
        text = str(error)
    else:
        if value is None and opt.default is not None:
            text = NONE
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
        file=match[1] if match else 'configuration',
        section=section,
        option=opt.name,
        reason='not a valid value'
        if opt.secret
        else text.rpartition(' is not valid: ')[2],
    )


def has_invalid_reference(text: str) -> bool:
    """Return whether a text has a ``${`` that oslo.config leaves as it is."""
    return '${' in _REFERENCE.sub(' ', text)


def _explain_reference(error: Exception, is_secret: bool) -> str:
    """Explain why the reference to another option cannot be replaced."""
    if isinstance(error, RecursionError):
        return 'a $ in it refers to this option itself'
    if is_secret:
        # What follows the $ is a part of the secret.
        missing = 'that one does not exist'
    elif isinstance(error, cfg.NoSuchOptError):
        missing = f'{error.opt_name} does not exist'
    elif isinstance(error, cfg.NoSuchGroupError):
        missing = f'section [{error.group_name}] does not exist'
    else:
        missing = 'that is a section'
    return (
        f'a $ refers to another option, but {missing}; write $$ for a dollar '
        'sign, and ${name} if a period follows the name'
    )
