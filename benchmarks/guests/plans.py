# SPDX-License-Identifier: Apache-2.0

"""What happens to guests, and to the services that meter them."""

import collections.abc
import signal

from benchmarks.guests import cloud
from benchmarks.guests import machine
from energy_meter.tests.functional.services import libvirtd

Clouds = collections.abc.Iterable[cloud.Cloud]
Guests = dict[str, libvirtd.Guest]

#: Length of the plans.
SECONDS = 300

#: What the guests reserve.
_SMALL, _LARGE = machine.Flavor(1, 2048), machine.Flavor(1, 8192)


def start(host: machine.Machine) -> Guests:
    """Start guests of two projects; two of them compute."""
    guests = {
        'web': host.start_guest('web', 'p1', _LARGE),
        'batch': host.start_guest('batch', 'p1', _SMALL),
        'database': host.start_guest('database', 'p2', _SMALL),
        'idle': host.start_guest(
            'idle', 'p2', _SMALL, boot_sector=libvirtd.HALT
        ),
    }
    guests['database'].call('suspend')
    return guests


def steady(
    host: machine.Machine, guests: Guests, _: Clouds
) -> list[machine.Event]:
    """Return events in which no guest starts or stops."""
    events = [
        (60, 'burner computes', host.burner.resume),
        (90, 'database computes', _call(guests['database'], 'resume')),
        (150, 'burner pauses', host.burner.pause),
        (210, 'database pauses', _call(guests['database'], 'suspend')),
        (240, 'burner computes', host.burner.resume),
        (SECONDS, 'end', lambda: None),
    ]
    for second in range(40, SECONDS, 60):
        events += [
            (second, 'batch pauses', _call(guests['batch'], 'suspend')),
            (second + 20, 'batch computes', _call(guests['batch'], 'resume')),
        ]
    return sorted(events, key=_second)


def faults(
    host: machine.Machine, guests: Guests, clouds: Clouds
) -> list[machine.Event]:
    """Return events in which guests and services are killed."""
    web, batch, database = (
        guests[name] for name in ('web', 'batch', 'database')
    )

    def add() -> None:
        guests['new'] = host.start_guest('new', 'p2', _SMALL)

    def restart() -> None:
        host.libvirtd.start()
        host.join(host.libvirtd)

    return [
        (5, 'database computes', _call(database, 'resume')),
        (20, 'kill guest', lambda: batch.signal(signal.SIGKILL)),
        (45, 'start it', _call(batch, 'create')),
        (60, 'kill agents', _each(clouds, lambda each: each.agent.kill())),
        (75, 'start them', _each(clouds, lambda each: each.agent.start())),
        (90, 'kill libvirtd', host.libvirtd.kill),
        (100, 'start it', restart),
        (
            120,
            'kill collectors',
            _each(clouds, lambda each: each.collector.kill()),
        ),
        (
            130,
            'resize guest',
            lambda: host.resize(database, 'database', _LARGE),
        ),
        (150, 'pause guest', _call(web, 'suspend')),
        (170, 'resume it', _call(web, 'resume')),
        (
            200,
            'start collectors',
            _each(clouds, lambda each: each.collector.start()),
        ),
        (215, 'start another guest', add),
        (225, 'migrate guest', lambda: batch.migrate(host.elsewhere)),
        (250, 'migrate it back', lambda: batch.migrate(host.libvirtd)),
        (270, 'stop the other', lambda: guests['new'].call('destroy')),
        (SECONDS, 'end', lambda: None),
    ]


#: How often guests start or stop in the faults, or their agent is killed.
CHANGES = {'web': 1, 'batch': 5, 'database': 3, 'idle': 1, 'new': 2}

Plan = collections.abc.Callable[
    [machine.Machine, Guests, Clouds], list[machine.Event]
]
PLANS: dict[str, Plan] = {'steady': steady, 'faults': faults}


def _call(
    guest: libvirtd.Guest, method: str
) -> collections.abc.Callable[[], object]:
    return lambda: guest.call(method)


def _each(
    clouds: Clouds, action: collections.abc.Callable[[cloud.Cloud], object]
) -> collections.abc.Callable[[], object]:
    return lambda: [action(each) for each in clouds]


def _second(event: machine.Event) -> float:
    return event[0]
