# SPDX-License-Identifier: Apache-2.0

"""Faults of agents that share probes or a state."""

import random
import shutil

from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import reconciliation
from energy_meter.tests.functional.services import base

#: Seconds after which a register that its successor names has gone on for
#: too long to be its predecessor, and the probes are settled.
COPY_FOUND_AFTER = 40.0
#: Maximum seconds until batches arrive after the broker has started.
ARRIVAL_TIMEOUT_S = 120.0


class StandbyPair(fault.Fault):
    """The broker is down, then the batches of one agent arrive first.

    Both agents meter the same probes. The other agent hangs until the first
    one's batches have arrived.
    """

    cost = fault.Cost.HANDOVER

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self._standby, self._early = (
            rng.choice(installation.AGENTS) for _ in range(2)
        )

    def prepare(self, site: installation.Installation) -> None:
        site.add_standby(self._standby)

    def begin(self, site: installation.Installation) -> None:
        site.kill('broker')

    def has_effect(self, site: installation.Installation) -> bool:
        return site.processes['broker'].returncode is not None

    def end(self, site: installation.Installation) -> None:
        late = site.processes[installation.other(self._early)]
        late.pause()
        site.processes['broker'].start()
        newest = site.newest(self._early)
        base.wait_for(
            lambda: reconciliation.has_arrived(site, newest),
            ARRIVAL_TIMEOUT_S,
            'the batches of one agent to arrive',
        )
        late.resume()


class CopiedState(fault.Fault):
    """An agent starts with a copy of the state of another, which runs on.

    They have one machine ID and one host name, as clones of a machine have.
    """

    cost = fault.Cost.HANDOVER
    min_duration_s = COPY_FOUND_AFTER

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self._source, self._copy = rng.sample(installation.AGENTS, 2)

    def prepare(self, site: installation.Installation) -> None:
        site.add_standby(self._copy)
        site.agents[self._copy].set('agent', name=self._source)

    def begin(self, site: installation.Installation) -> None:
        site.processes[self._copy].stop()
        site.replace_state(self._copy, site.state(self._source))
        site.processes[self._copy].start()

    def has_effect(self, site: installation.Installation) -> bool:
        return 'copied_state' in reconciliation.alarms(site)

    def end(self, site: installation.Installation) -> None:
        site.processes[self._copy].stop()
        site.replace_state(self._copy, None)
        site.processes[self._copy].start()


class RestoredState(fault.Fault):
    """The state of an agent is restored from an earlier copy."""

    cost = fault.Cost.COVERAGE
    min_duration_s = COPY_FOUND_AFTER

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self._name = rng.choice(installation.AGENTS)

    def begin(self, site: installation.Installation) -> None:
        self._backup = site.site.directory / 'backup'
        shutil.copytree(site.state(self._name), self._backup)
        self._before = site.newest(self._name)

    def has_effect(self, site: installation.Installation) -> bool:
        return site.newest(self._name).elapsed > self._before.elapsed

    def end(self, site: installation.Installation) -> None:
        site.processes[self._name].stop()
        site.replace_state(self._name, self._backup)
        site.processes[self._name].start()
