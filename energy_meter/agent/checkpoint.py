# SPDX-License-Identifier: Apache-2.0

"""Checkpoint of all registers, for the next incarnation of the agent.

Nothing republishes the final measurement of a register once its agent has
stopped. The agent therefore saves the newest measurement of each register
every few seconds. Its next incarnation opens new registers, and republishes
the saved measurements as those of closed registers.
"""

import typing

from energy_meter import measurement
from energy_meter.agent import registers as agent_registers
from energy_meter.agent import state

_NAME = 'checkpoint.json'


def save(
    directory: state.StateDirectory, registers: agent_registers.Registers
) -> None:
    """Write the newest measurements of open and closed registers.

    :raises StateUnusable: if the checkpoint cannot be written.
    """
    closed = [
        agent_registers.ClosedRegister(
            latest, agent_registers.REPUBLISH_PERIOD_S
        )
        for latest in registers.measurements()
    ] + registers.closed()
    directory.write(
        _NAME, [(*final, seconds_left) for final, seconds_left in closed]
    )


def load(
    directory: state.StateDirectory,
) -> list[agent_registers.ClosedRegister]:
    """Return the registers of earlier incarnations.

    :returns: an empty list if there is no checkpoint.
    :raises StateUnusable: if the checkpoint cannot be read.
    """
    return directory.read(_NAME, _parse) or []


def _parse(rows: list[typing.Any]) -> list[agent_registers.ClosedRegister]:
    return [_parse_row(row) for row in rows]


def _parse_row(row: list[typing.Any]) -> agent_registers.ClosedRegister:
    probe, key, *rest, seconds_left = row
    return agent_registers.ClosedRegister(
        measurement.Measurement(
            measurement.Probe(*probe), measurement.RegisterKey(*key), *rest
        ),
        seconds_left,
    )
