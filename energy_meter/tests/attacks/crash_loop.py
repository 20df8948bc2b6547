# SPDX-License-Identifier: Apache-2.0

"""An agent in a crash loop, against the measurements of another agent.

Each start of the agent opens a register for each of its probes. The collector
finds the messages of all starts in its queue, and behind them one of another
agent.
"""

import concurrent.futures
import multiprocessing
import time
import typing
from unittest import mock

import sqlalchemy as sa

from energy_meter.collector import service
from energy_meter.collector import settling
from energy_meter.db import schema
from energy_meter.tests.attacks import attack
from energy_meter.tests.functional import simulation

#: Number of probes of the agent, and of its starts.
PROBES, STARTS = 1000, 120

#: Seconds after which an attack that has not ended counts as successful.
MAX_SECONDS = 300.0

#: By name, whether the agent keeps its state: then the registers of a start
#: follow those of the last one.
ATTACKS = {'crash-loop': True, 'crash-loop-without-state': False}


def run(name: str) -> attack.Figures:
    """Run one attack of :data:`ATTACKS`."""
    with (
        simulation.database('postgresql') as engine,
        concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context('spawn')
        ) as pool,
    ):
        url = engine.url.render_as_string(hide_password=False)
        return pool.submit(measure, url, ATTACKS[name]).result(MAX_SECONDS)


def measure(url: str, has_state: bool) -> attack.Figures:
    """Write what the agents send, and measure this process.

    :param url: of the database.
    :param has_state: whether the agent keeps its state.
    """
    conf = simulation.configure(url)
    conf.set_override('transport_url', 'fake:/')
    conf.set_override('secrets', ['secret'], 'bus')
    collector = service.Collector(conf, lambda: conf)
    usage = attack.Usage()
    started = time.monotonic()
    slowest = _flood(collector, has_state)
    for _ in range(2):
        # The second register follows no other, so it contests the probe.
        collector.handle(simulation.Agent('other', 1, 'z').measure())
    latency = time.monotonic() - started
    delay, longest = _settle(collector)
    with collector._engine.connect() as connection:
        rows = connection.scalar(
            sa.select(sa.func.count()).select_from(schema.register)
        )
    figures = usage.figures(
        latency,
        f'{rows} registers; slowest batch {slowest:.1f} s; other agent '
        f'settled after {delay:.1f} s; longest settling {longest:.1f} s',
    )
    collector.stop()
    return figures


def _flood(collector: service.Collector, has_state: bool) -> float:
    """Write the measurements of all starts.

    :returns: seconds of the slowest batch.
    """
    slowest = 0.0
    agent = simulation.Agent('agent', PROBES)
    for _ in range(STARTS):
        batch = agent.measure()
        started = time.monotonic()
        collector.handle(batch)
        slowest = max(slowest, time.monotonic() - started)
        if has_state:
            agent.restart()
        else:
            agent = simulation.Agent('agent', PROBES)
    return slowest


def _settle(collector: service.Collector) -> tuple[float, float]:
    """Settle all probes that are contested.

    :returns: seconds until the other agent's is, and those of the longest
        transaction, for which batches may wait.
    """
    settle = settling.settle
    began = time.monotonic()
    delay = longest = 0.0

    def timed(*arguments: typing.Any) -> set[str]:
        nonlocal delay, longest
        started = time.monotonic()
        settled = settle(*arguments)
        longest = max(longest, time.monotonic() - started)
        if 'z-00000' in settled:
            delay = time.monotonic() - began
        return settled

    with mock.patch.object(settling, 'settle', timed):
        collector._settler.settle()
    return delay, longest
