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
from energy_meter.tests.attacks import claims
from energy_meter.tests.attacks import crash_loop
from energy_meter.tests.attacks import devices
from energy_meter.tests.attacks import many_probes
from energy_meter.tests.attacks import messages
from energy_meter.tests.attacks import web

#: Modules with the attacks of each kind of attacker.
_MODULES = (
    ('device', devices),
    ('message', messages),
    ('claim', claims),
    ('agent', crash_loop),
    ('agent', many_probes),
    ('web', web),
)
#: Each attack starts its victim and ends it.
ATTACKS: dict[str, collections.abc.Callable[[], attack.Figures]] = {
    f'{kind}-{name}': functools.partial(module.run, name)
    for kind, module in _MODULES
    for name in module.ATTACKS
}


if __name__ == '__main__':
    print(json.dumps(ATTACKS[sys.argv[1]]()))
