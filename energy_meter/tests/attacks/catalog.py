# SPDX-License-Identifier: Apache-2.0

"""All attacks by name.

As a program, this module runs the attack that its argument names and prints
its figures as JSON.
"""

import collections.abc
import functools
import json
import sys

from energy_meter.tests.attacks import attack
from energy_meter.tests.attacks import devices
from energy_meter.tests.attacks import web

#: Each attack starts its victim and ends it.
ATTACKS: dict[str, collections.abc.Callable[[], attack.Figures]] = {
    **{
        f'device-{name}': functools.partial(devices.run, name)
        for name in devices.ATTACKS
    },
    **{
        f'web-{name}': functools.partial(web.run, name) for name in web.ATTACKS
    },
}


if __name__ == '__main__':
    print(json.dumps(ATTACKS[sys.argv[1]]()))
