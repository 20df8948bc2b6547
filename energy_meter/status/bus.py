# SPDX-License-Identifier: Apache-2.0

"""Checks of the bus."""

import collections.abc

from oslo_config import cfg
from oslo_messaging import transport as messaging_transport
from oslo_upgradecheck import upgradecheck

from energy_meter import exception
from energy_meter.bus import authorization
from energy_meter.bus import queues as bus_queues
from energy_meter.bus import transport as bus_transport
from energy_meter.conf import bus as bus_conf
from energy_meter.conf import rrd as rrd_conf
from energy_meter.conf import weak_secrets

_NOT_CONFIGURED = upgradecheck.Result(
    upgradecheck.Code.SUCCESS,
    'No bus is configured here. Every service except the API requires '
    '[DEFAULT] transport_url and [bus] secrets.',
)


def is_configured(conf: cfg.ConfigOpts) -> bool:
    """Return whether any option of a bus is set."""
    locations = (
        conf.get_location('transport_url'),
        conf.get_location('sources', bus_conf.GROUP),
        conf.get_location('secrets', bus_conf.GROUP),
    )
    return any(
        location and location.location is not cfg.Locations.opt_default
        for location in locations
    )


def secrets(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Check that there is a secret, and that it is not a weak one."""
    if not is_configured(conf):
        return _NOT_CONFIGURED
    try:
        authorization.load(conf)
    except exception.EnergyMeterError as error:
        return upgradecheck.Result(
            upgradecheck.Code.FAILURE,
            'Agents, collectors and the RRD plugin cannot start: '
            f'{error}. Generate a secret with: openssl rand -hex 32',
        )
    weak = weak_secrets.find(conf)
    if weak:
        return upgradecheck.Result(
            upgradecheck.Code.WARNING, '. '.join(map(str, weak))
        )
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)


def queues(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Check that the buses are reachable and that their queues are read."""
    if not is_configured(conf):
        return _NOT_CONFIGURED
    try:
        unread = list(_unread(conf))
        unbounded = list(_unbounded(conf))
    except exception.EnergyMeterError as error:
        return upgradecheck.Result(
            upgradecheck.Code.FAILURE,
            f'Cannot query a bus: {error}. Check [DEFAULT] transport_url, '
            '[bus] sources and management_url, and the broker.',
        )
    if unread:
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            f'No consumers for {", ".join(unread)}. Start the service that '
            'reads the queue, or delete it: rabbitmqctl delete_queue',
        )
    if unbounded:
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            f'No policy limits the length of {", ".join(unbounded)}. Without '
            'a consumer such a queue would fill the broker. Import '
            'share/energy_meter/rabbitmq/definitions.json',
        )
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)


def destination(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Check that the bus to which a service publishes can be reached."""
    return _connect(lambda: [bus_transport.connect(conf)])


def sources(
    conf: cfg.ConfigOpts, section: str = bus_conf.GROUP
) -> upgradecheck.Result:
    """Check that all buses that a service reads can be reached."""
    return _connect(lambda: bus_transport.connect_sources(conf, section))


def _connect(
    connect: collections.abc.Callable[
        [], list[messaging_transport.NotificationTransport]
    ],
) -> upgradecheck.Result:
    names = []
    try:
        for transport in connect():
            names.append(bus_transport.name(transport))
            bus_queues.get_queue(transport)
            transport.cleanup()
    except exception.EnergyMeterError as error:
        return upgradecheck.Result(
            upgradecheck.Code.FAILURE,
            f'Cannot connect: {error}. Check the URL, the user and the '
            'virtual host, and that the broker runs and can be reached.',
        )
    return upgradecheck.Result(
        upgradecheck.Code.SUCCESS, f'Connected to {", ".join(names)}.'
    )


def _queue_names(conf: cfg.ConfigOpts) -> list[str]:
    pools = (rrd_conf.POOL, conf.forwarder.pool)
    return [bus_queues.QUEUE, *filter(None, pools)]


def _unread(conf: cfg.ConfigOpts) -> collections.abc.Iterator[str]:
    """Return descriptions of the queues with messages but no consumers."""
    for transport in bus_transport.connect_sources(conf, bus_conf.GROUP):
        bus = bus_transport.name(transport)
        if not bus.startswith('rabbit:'):
            continue
        try:
            for name in _queue_names(conf):
                queue = bus_queues.get_queue(transport, name)
                if queue is not None and queue.messages and not queue.readers:
                    yield f'queue {name} of {bus} ({queue.messages} messages)'
        finally:
            transport.cleanup()


def _unbounded(conf: cfg.ConfigOpts) -> list[str]:
    """Return the queues without a length limit, if that can be queried."""
    url = conf.bus.management_url
    if not url:
        return []
    host = bus_transport.virtual_host(bus_transport.connect(conf))
    return [
        name
        for name in _queue_names(conf)
        if bus_queues.is_bounded(url, host, name) is False
    ]
