# SPDX-License-Identifier: Apache-2.0

"""Everything that runs: guests, what meters them, and OpenStack."""

import contextlib
import typing

from benchmarks.guests import cloud
from benchmarks.guests import machine
from benchmarks.guests import plans
from benchmarks.guests import telemetry
from benchmarks.guests import tenants
from benchmarks.guests import trace
from energy_meter.tests.faults import clock_shim
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq


class Site(typing.NamedTuple):
    """All that runs.

    :ivar clocks: of the databases, their collectors, and Ceilometer's central
        agent.
    :ivar clouds: by the curve of the power of the host.
    :ivar service: reads the cloud whose power is linear.
    """

    clocks: clock_shim.ClockShim
    host: machine.Machine
    recorder: trace.Recorder
    guests: plans.Guests
    clouds: dict[str, cloud.Cloud]
    people: tenants.Tenants
    service: telemetry.Telemetry


def start(stack: contextlib.ExitStack, reading_s: int) -> Site:
    """Start all services and the guests.

    :param stack: stops them.
    :param reading_s: seconds between two readings of CPU time.
    """
    clocks = stack.enter_context(clock_shim.ClockShim())
    broker = stack.enter_context(rabbitmq.RabbitMQ())
    database = postgresql.PostgreSQL()
    database.env |= clocks.env
    stack.enter_context(database)
    people = tenants.create()
    host = stack.enter_context(
        machine.Machine({name: each.owner for name, each in people.items()})
    )
    recorder = stack.enter_context(trace.Recorder(host))
    guests = plans.start(host)
    options = {
        'uri': host.libvirtd.uri,
        'cgroup': host.directory,
        'interval': reading_s,
    }
    clouds = {
        curve: stack.enter_context(
            cloud.Cloud(
                broker,
                database,
                {'url': recorder.url(curve)},
                options,
                clocks,
            )
        )
        for curve in trace.CURVES
    }
    service = stack.enter_context(
        telemetry.Telemetry(
            broker.add_vhost(),
            clouds['linear'].database_url,
            host.libvirtd.uri,
            clocks,
        )
    )
    return Site(clocks, host, recorder, guests, clouds, people, service)
