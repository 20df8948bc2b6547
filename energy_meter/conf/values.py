# SPDX-License-Identifier: Apache-2.0

"""Values of options, and clear words where they make no sense."""

import math
import re
import typing

from oslo_config import cfg

from energy_meter import exception

DEFAULT = 'DEFAULT'

#: How the library tells which file an ill-typed value is from, and why it is
#: ill-typed; nothing else of it tells the former.
_FILE = re.compile(r"detail='([^']+)'\) is not valid: ")

#: What Python says of text that is no number, and what an operator is told.
_NUMBERS = {
    'invalid literal for int() with base 10:': 'expected an integer, but found',
    'could not convert string to float:': 'expected a number, but found',
}


def read(
    conf: cfg.ConfigOpts, section: str, opt: cfg.Opt, file: str | None = None
) -> typing.Any:
    """Give the value of an option.

    :param file: the one that has the section, where that is known.
    :raises ConfigurationError: when it is ill-typed; names the file, the
        section and the option.
    """
    try:
        value = (conf if section == DEFAULT else conf[section])[opt.dest]
    except (cfg.Error, ValueError) as error:
        text = str(error)
    else:
        if value is None and opt.default is not None:
            text = 'expected a value, but found none'
        # NaN is no less than any minimum, and infinity has no end.
        elif not isinstance(value, float) or math.isfinite(value):
            return value
        else:
            text = f'expected a finite number, but found {value}'
    found = _FILE.search(text)
    for python, plain in _NUMBERS.items():
        text = text.replace(python, plain)
    # The library's text shows the value, which may be a secret.
    raise exception.ConfigurationError(
        file=file or (found[1] if found else 'configuration'),
        section=section,
        option=opt.name,
        reason='not a valid value'
        if opt.secret
        else text.rpartition(' is not valid: ')[2],
    )
