# SPDX-License-Identifier: Apache-2.0

"""Catalog of all faults, by name."""

import collections.abc
import functools
import random

from energy_meter.tests.faults import backups
from energy_meter.tests.faults import bus
from energy_meter.tests.faults import clocks
from energy_meter.tests.faults import disks
from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import processes
from energy_meter.tests.faults import rivals

_KINDS = {
    'agent': installation.AGENTS,
    'collector': installation.COLLECTORS,
    'rrd': ('rrd',),
    'api': ('api',),
    'broker': ('broker',),
    'database': ('database',),
}

_Make = collections.abc.Callable[[random.Random], fault.Fault]


def storm(rng: random.Random) -> fault.Fault:
    """Return a fault in which everything but the agents fails at once."""
    hung, killed = rng.sample(installation.COLLECTORS, 2)
    faults = [
        processes.Pause(rng, [hung]),
        *(
            processes.Kill(rng, [name])
            for name in (killed, 'broker', 'database', 'rrd', 'api')
        ),
    ]
    return processes.Storm(rng, rng.sample(faults, len(faults)))


FAULTS: dict[str, _Make] = {
    **{
        f'kill-{kind}': functools.partial(processes.Kill, names=names)
        for kind, names in _KINDS.items()
    },
    'kill-agent-during-outage': processes.DeathDuringOutage,
    **{
        f'pause-{kind}': functools.partial(processes.Pause, names=names)
        for kind, names in _KINDS.items()
    },
    **{
        f'stop-{kind}': functools.partial(processes.Stop, names=_KINDS[kind])
        for kind in ('broker', 'database')
    },
    'restored-database': backups.RestoredDatabase,
    'long-gap': processes.Gap,
    'broker-alarm': bus.Alarm,
    'cluster-node-loss': functools.partial(bus.NodeLoss, names=['broker']),
    'network-cut': bus.Cut,
    'lossy-bus': bus.Lossy,
    'consumer-timeout': functools.partial(
        bus.ConsumerTimeout, names=['database']
    ),
    'agent-disk-full': disks.AgentDiskFull,
    'database-disk-full': disks.DatabaseDiskFull,
    **{
        f'{kind}-clock-{way}': functools.partial(
            step, names=_KINDS[kind], hours=hours
        )
        for kind, step in (
            ('agent', clocks.AgentStep),
            ('collector', clocks.Step),
        )
        for way, hours in (('ahead', 1), ('behind', -1))
    },
    **{
        f'clock-{way}-at-opening': functools.partial(
            clocks.WrongAtOpening, hours=hours
        )
        for way, hours in (('ahead', 1), ('behind', -1))
    },
    'clock-unset': clocks.Unset,
    'paused-machine': clocks.PausedMachine,
    'standby-pair': rivals.StandbyPair,
    'copied-state': rivals.CopiedState,
    'restored-state': rivals.RestoredState,
    'storm': storm,
}
