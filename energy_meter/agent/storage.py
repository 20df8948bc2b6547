# SPDX-License-Identifier: Apache-2.0

"""What an agent stores in its state directory."""

import collections.abc

from oslo_config import cfg

from energy_meter.agent import announcer
from energy_meter.agent import checkpoint
from energy_meter.agent import clock as agent_clock
from energy_meter.agent import health
from energy_meter.agent import mark_buffer
from energy_meter.agent import registers
from energy_meter.agent import restarts
from energy_meter.agent import state
from energy_meter.conf import agent as agent_conf
from energy_meter.telemetry import counters


class Storage:
    """State of an agent that survives its restarts.

    :param announce_all: whether to publish all buffered marks again.
    :raises StateLocked: if another agent uses this ``state_path``.
    :raises StateUnusable: if the ``state_path`` cannot be used.
    :ivar uuid: UUID of the agent.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        clock: agent_clock.Clock,
        announce_all: bool,
        counts: counters.Counters,
    ) -> None:
        self._clock = clock
        self._directory = state.StateDirectory(conf.state_path)
        self.uuid = self._directory.identify(conf.agent.host)
        self.marks = mark_buffer.MarkBuffer(self._directory.path / 'marks')
        saved = checkpoint.load(self._directory, self.uuid)
        self.marks.put(saved.marks)
        self.registers = registers.Registers(
            self.uuid, saved.ended, conf.agent.profile_interval, counts
        )
        self.checkpoint = checkpoint.Checkpoint(
            self._directory, self.uuid, self.registers, self.marks, clock
        )
        self.announcer = announcer.Announcer(
            self.marks, self._directory, announce_all
        )

    def count_start(self) -> float:
        """Record a start, and return how long it must wait, in seconds."""
        return restarts.delay(self._directory, self._clock.now().timestamp)

    def gauges(self) -> collections.abc.Iterable[health.Gauge]:
        """Return the sizes of what is stored."""
        return (
            health.Gauge(
                'mark_buffer_bytes',
                'Size of the marks that are buffered in state_path',
                self.marks.size,
            ),
            health.Gauge(
                'mark_buffer_unsent_bytes',
                'Size of the marks that were not published yet',
                self.announcer.unsent_size,
            ),
            health.Gauge(
                'mark_buffer_max_bytes',
                'Size above which the oldest marks are deleted',
                lambda: agent_conf.MARK_BUFFER_BYTES,
            ),
        )

    def close(self) -> None:
        """Save the registers, and release the directory."""
        self.checkpoint.save()
        self.announcer.close()
        self._directory.close()
