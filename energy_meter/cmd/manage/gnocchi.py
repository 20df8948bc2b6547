# SPDX-License-Identifier: Apache-2.0

"""Commands for Gnocchi."""

import sys

from oslo_config import cfg

from energy_meter.clients import gnocchi
from energy_meter.clients import gnocchi_intervals as intervals
from energy_meter.clients import keystone
from energy_meter.cmd.manage import base
from energy_meter.cmd.manage import gnocchi_push
from energy_meter.db import engine as db_engine
from energy_meter.db import states

#: Length of a measure in seconds, by the values of --granularity.
_STEPS_S = {'quarter-hour': intervals.QUARTER_HOUR_S, 'hour': 3600}


def add_commands(areas: base.Areas) -> None:
    """Add the commands to the parser."""
    area = base.Area(areas, 'gnocchi', 'Set up Gnocchi, and write to it.')
    area.add(
        'setup',
        _setup,
        'Create the archive policies and the resource type of probes. Set the '
        'OS_* variables or OS_CLOUD of an administrator.',
    )
    area.add(
        'check',
        _check,
        'Find probes that would share one resource in Gnocchi.',
    )
    area.add(
        'push',
        _push,
        'Write the energy of closed days that Gnocchi lacks or that has '
        'changed. It can be stopped and repeated at any time. Set the OS_* '
        'variables or OS_CLOUD of an administrator.',
    ).add_argument(
        '--granularity',
        choices=_STEPS_S,
        default='quarter-hour',
        help='length of an interval (default: %(default)s)',
    )


def _setup(conf: cfg.ConfigOpts) -> None:
    if not gnocchi.setup(keystone.connect()):
        sys.exit(
            f'{base.PROG}: the above differs in Gnocchi from what this '
            'release creates; nothing was changed there'
        )


def _check(conf: cfg.ConfigOpts) -> None:
    ids = [probe.id for probe in _probes(conf)]
    collisions = list(gnocchi.collisions(ids))
    for resource, group in collisions:
        print(f'{" and ".join(group)} would share the resource {resource}')
    if collisions:
        sys.exit(
            f'{base.PROG}: rename all but one of these probes; Gnocchi would '
            'mix their measures'
        )
    print(f'{len(ids)} probes, each with its own resource')


def _push(conf: cfg.ConfigOpts) -> None:
    chosen = {probe.id: probe for probe in _probes(conf)}
    shared = 0
    for resource, group in gnocchi.collisions(chosen):
        shared += len(group)
        for probe in group:
            del chosen[probe]
            _warn(f'{probe}: shares the resource {resource} with others')
    push = gnocchi_push.Push(
        db_engine.connect(conf),
        intervals.IntervalMetrics(gnocchi.connect(keystone.connect())),
        _STEPS_S[conf.command.granularity],
        print,
        _warn,
    )
    result = push.run(list(chosen.values()))
    print(f'compared {len(chosen)} probes, wrote {result.measures} measures')
    if problems := result.problems + shared:
        sys.exit(f'{base.PROG}: {problems} probes have problems, see above')


def _warn(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _probes(conf: cfg.ConfigOpts) -> list[intervals.Probe]:
    """Return all probes and sums."""
    with db_engine.connect(conf).begin() as connection:
        found = list(states.list_states(connection, base.FOREVER_S))
    return [
        intervals.Probe(
            state.id,
            state.scope,
            state.host,
            state.wattmeter,
            state.project_id,
        )
        for state in sorted(found)
    ]
