# SPDX-License-Identifier: Apache-2.0

"""JSON documents of probes, those of the Kwapi API."""

import typing

from energy_meter.db import probes


def fields(state: probes.ProbeState) -> dict[str, typing.Any]:
    """Return the fields of a probe."""
    found: dict[str, typing.Any] = {
        'timestamp': state.timestamp,
        'kwh': state.kwh,
        'w': state.watts,
        'scope': state.scope,
        'host': state.host,
        'wattmeter': state.wattmeter,
        'coverage': state.coverage,
        'project_id': state.project_id,
        'alarms': state.alarms,
    }
    if state.parts:
        found['parts'] = state.parts
    if state.ahead:
        found['kwh_ahead'] = state.ahead / probes.MILLIJOULES_PER_KWH
    return found
