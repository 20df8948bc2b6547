# SPDX-License-Identifier: Apache-2.0

"""Commands for probes."""

from oslo_config import cfg

from energy_meter.cmd.manage import base
from energy_meter.cmd.manage import listing
from energy_meter.cmd.manage import units
from energy_meter.collector import administration
from energy_meter.db import energies
from energy_meter.db import engine as db_engine
from energy_meter.db import probes
from energy_meter.db import subjects


def add_commands(areas: base.Areas) -> None:
    """Add the commands to the parser."""
    area = base.Area(areas, 'probe', 'Manage probes.')
    listing.add_format(
        area.add('list', _list, 'List all probes, including stale ones.')
    )
    energy = area.add(
        'energy',
        _energy,
        'Show the energy of a probe between two dates. The energies of '
        'consecutive intervals add up to that of the whole time.',
    )
    base.add_probe(energy)
    for name, text in (
        (
            '--start',
            'first date, for example 2027-01-31 or '
            '2027-01-31T23:15+01:00; UTC unless it has an offset '
            '(default: the first measurement)',
        ),
        ('--end', 'last date (default: the last measurement)'),
    ):
        energy.add_argument(name, type=base.date, help=text)
    delete = area.add(
        'delete',
        _delete,
        'Delete a probe that is no longer metered, and its energy. This '
        'cannot be undone.',
    )
    base.add_probe(delete)
    base.add_confirmation(delete)


def _list(conf: cfg.ConfigOpts) -> None:
    with db_engine.connect(conf).begin() as connection:
        listing.show(
            conf,
            [
                listing.Column('probe'),
                units.KWH.column(),
                listing.Column('W', '.1f'),
                listing.Column('last measurement'),
                listing.Column('coverage', listing.SHARE),
                listing.Column('scope'),
                listing.Column('host'),
                listing.Column('wattmeter'),
            ],
            (
                [
                    probe.id,
                    probe.kwh,
                    probe.watts,
                    base.utc(probe.timestamp),
                    probe.coverage,
                    probe.scope,
                    probe.host,
                    probe.wattmeter,
                ]
                for probe in probes.list_states(connection, base.FOREVER_S)
            ),
        )


def _energy(conf: cfg.ConfigOpts) -> None:
    command = conf.command
    start = 0 if command.start is None else command.start
    end = base.END_OF_TIME_MS if command.end is None else command.end
    period = energies.Period(start, end, (start, end))
    with db_engine.snapshot(db_engine.connect(conf)) as connection:
        probe = subjects.get(connection, command.probe)
        [answer] = energies.read(connection, [probe], period)
    print(units.KWH.format(answer.total.interval.millijoules))


def _delete(conf: cfg.ConfigOpts) -> None:
    probe = conf.command.probe
    unit = units.load(conf).of(probe)
    removed = base.change_database(
        conf,
        lambda engine: administration.delete_probe(
            engine, probe, base.operator()
        ),
        lambda removed: (
            f'Delete probe {probe} with {unit.format(removed)}? This cannot '
            'be undone.'
        ),
    )
    print(f'Deleted probe {probe} with {unit.format(removed)}')
