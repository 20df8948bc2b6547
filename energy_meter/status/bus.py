# SPDX-License-Identifier: Apache-2.0

"""Checks of the bus."""

import collections.abc

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck

from energy_meter import exception
from energy_meter.bus import inspection
from energy_meter.bus import transport as bus_transport
from energy_meter.bus import trust
from energy_meter.conf import bus as bus_conf
from energy_meter.conf import rrd as rrd_conf

#: Secrets that stand in the documentation.
_EXAMPLES = {'current-secret', 'previous-secret', 'SECRET'}

_UNUSED = upgradecheck.Result(
    upgradecheck.Code.SUCCESS,
    'None is configured here; all but the API need [DEFAULT] transport_url '
    'and [bus] secrets.',
)


def _is_used(conf: cfg.ConfigOpts) -> bool:
    """Tell whether the configuration of this machine names a bus."""
    found = (
        conf.get_location('transport_url'),
        conf.get_location('sources', bus_conf.GROUP),
        conf.get_location('secrets', bus_conf.GROUP),
    )
    return any(
        place and place.location is not cfg.Locations.opt_default
        for place in found
    )


def secrets(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Is there a secret, and one that is not known to everybody?"""
    if not _is_used(conf):
        return _UNUSED
    try:
        trust.load(conf)
    except exception.EnergyMeterError as error:
        return upgradecheck.Result(
            upgradecheck.Code.FAILURE,
            'Agents, collectors and the RRD plugin do not start like that '
            f'(openssl rand -hex 32 makes a secret): {error}',
        )
    if _EXAMPLES.intersection(bus_transport.secrets(conf)):
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            '[bus] secrets has one from the documentation: everybody knows '
            'it. Make one with: openssl rand -hex 32',
        )
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)


def queues(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Can the buses be reached, and is every queue on them read?"""
    if not _is_used(conf):
        return _UNUSED
    try:
        unread = list(_unread(conf))
        unbounded = list(_unbounded(conf))
    except exception.EnergyMeterError as error:
        return upgradecheck.Result(
            upgradecheck.Code.FAILURE,
            f'A bus can not be asked: {error}. See [DEFAULT] transport_url, '
            '[bus] sources and management_url, and whether the broker '
            'runs.',
        )
    if unread:
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            f'Nobody reads {", ".join(unread)}. Start its reader, or delete '
            'the queue: rabbitmqctl delete_queue',
        )
    if unbounded:
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            f'No policy bounds {", ".join(unbounded)}: a reader that is gone '
            'would fill the broker. Import '
            'share/energy_meter/rabbitmq/definitions.json',
        )
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)


def _names(conf: cfg.ConfigOpts) -> list[str]:
    """Name the queues that parts of energy_meter read."""
    pools = (rrd_conf.POOL, conf.forwarder.pool)
    return [inspection.QUEUE, *filter(None, pools)]


def _unread(conf: cfg.ConfigOpts) -> collections.abc.Iterator[str]:
    """Tell the queues in which messages wait for nobody."""
    for transport in bus_transport.connect_sources(conf, bus_conf.GROUP):
        bus = bus_transport.name(transport)
        if not bus.startswith('rabbit:'):
            continue
        try:
            for name in _names(conf):
                queue = inspection.look(transport, name)
                if queue is not None and queue.messages and not queue.readers:
                    yield (
                        f'queue {name} of {bus} ({queue.messages} messages '
                        'wait)'
                    )
        finally:
            transport.cleanup()


def _unbounded(conf: cfg.ConfigOpts) -> list[str]:
    """Name the queues that can grow for ever, if the broker may be asked."""
    url = conf.bus.management_url
    if not url:
        return []
    host = bus_transport.virtual_host(bus_transport.connect(conf))
    return [
        name
        for name in _names(conf)
        if inspection.is_bounded(url, host, name) is False
    ]
