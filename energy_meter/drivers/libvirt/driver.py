# SPDX-License-Identifier: Apache-2.0

"""CPU time of Nova's instances on this compute host, through libvirt."""

import collections.abc
import logging
import time
import typing

from oslo_config import cfg

from energy_meter import cpu_usage
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.libvirt import connection
from energy_meter.drivers.libvirt import host
from energy_meter.drivers.libvirt import instances
from energy_meter.drivers.libvirt import passthrough

LOG = logging.getLogger(__name__)

#: The busy time of the host in ms; see :mod:`energy_meter.cpu_usage`.
COUNTER = measurement.Counter(joules_per_tick=1e-3)

#: Maximum duration of a reading in seconds. The values of a longer one do not
#: belong to one time.
MAX_READING_S = 0.5
#: Interval in seconds at which all domains are read again, in case an event
#: was lost.
POLL_INTERVAL_S = 300.0


class Libvirt(base.Driver):
    """Reads the busy time of this host, and the CPU time of its instances."""

    opts = (
        cfg.StrOpt(
            'uri',
            default='qemu:///system',
            help='URI of libvirt on this machine. The connection is '
            'read-only.',
        ),
        cfg.StrOpt(
            'cpu_source',
            default='auto',
            choices=[
                ('auto', 'The first of these that the instance has.'),
                ('cgroup', 'Its cgroup (version 2), with threads of vhost.'),
                ('process', 'Its process of QEMU.'),
                ('info', 'libvirt, which reads the process itself.'),
            ],
            help='Source of the CPU time of an instance.',
        ),
        cfg.StrOpt(
            'cgroup',
            help='Directory of a cgroup (version 2) whose CPU time is the '
            'busy time of the host, for example if the wattmeter does not '
            'measure all programs of the machine. The default is the busy '
            'time of the machine.',
        ),
        cfg.FloatOpt(
            'idle_power',
            min=0.0,
            help='Power of the host when it is idle, in watts. By default it '
            'is estimated from the last 14 days.',
        ),
        cfg.Opt(
            'passthrough',
            type=passthrough.Option(),
            default=[],
            help='PCI devices of this host that can be passed through to '
            'instances, each as PROBE=ADDRESS: the ID of the probe that '
            'measures the device, for example through the BMC, and the '
            'address that lspci -D prints. The instance that has the device '
            'also has its energy.',
        ),
        cfg.IntOpt(
            'timeout',
            default=30,
            min=3,
            help='Time in seconds after which libvirt is considered dead if '
            'it does not answer.',
        ),
    )
    measures_this_machine = True

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._probes: dict[str, str] = {}
        self._connection = connection.Connection(options.uri, options.timeout)
        self._instances = instances.Instances(
            options.cpu_source, passthrough.parse_option(options.passthrough)
        )
        self._poll_at = 0.0
        self._throttled_log = log_throttle.ThrottledLogger(LOG)

    def open(self) -> None:
        self._probes = base.assign('libvirt', {'cpu': 'cpu'}, self.probes)
        self._connection.open()
        self._poll_at = time.monotonic()
        self._refresh()

    def channels(self) -> collections.abc.Sequence[base.Channel]:
        return base.number(['cpu'])

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        if not self._connection.is_alive():
            raise exception.DeviceUnreachable(
                device=f'libvirt at {self.options.uri}',
                reason='it closed the connection',
            )
        # Only what follows has to be quick: libvirt may wait for a domain
        # that is being destroyed.
        self._refresh()
        # A delay between the time and the busy time would look like more than
        # all CPUs.
        monotonic = time.monotonic()
        busy = host.busy_time(self.options.cgroup)
        counters = self._instances.counters()
        duration = time.monotonic() - monotonic
        if duration > MAX_READING_S:
            self._throttled_log.warning(
                'slow',
                'Reading the CPU time of %d instances took %.1f s; it is '
                'discarded',
                len(counters),
                duration,
            )
            return []
        self._throttled_log.recovered('slow', 'Readings are quick again')
        usage = cpu_usage.Snapshot(self._layout(), counters)
        return [
            measurement.Reading(
                probe,
                ticks=busy,
                counter=COUNTER,
                monotonic=monotonic,
                usage=usage,
            )
            for probe in self._probes
        ]

    def close(self) -> None:
        self._connection.close()

    def _refresh(self) -> None:
        """Read the identities of domains that changed, or of all."""
        changed: collections.abc.Container[str] = self._connection.changes()
        now = time.monotonic()
        if not changed and now < self._poll_at:
            return
        domains = self._connection.domains()
        if now >= self._poll_at:
            self._poll_at = now + POLL_INTERVAL_S
            changed = {domain.uuid for domain in domains}
        self._instances.refresh(domains, changed)

    def _layout(self) -> cpu_usage.Layout:
        return cpu_usage.Layout(
            host.threads(),
            host.memory(),
            self.options.idle_power,
            self._instances.all,
            self._instances.devices,
        )
