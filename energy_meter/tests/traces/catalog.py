# SPDX-License-Identifier: Apache-2.0

"""All traces, by name."""

import datetime

from energy_meter import measurement
from energy_meter.tests.traces import trace

_MINUTE, _HOUR = 60, trace.HOUR

#: Counter of a processor's RAPL zone: microjoules, up to 262 kJ.
RAPL = measurement.Counter(1e-6, rollover=262_143_328_850)

_NOON = 12 * _HOUR
#: Meters are read four seconds after each minute.
_GLITCH = trace.Span(_NOON + 25 * _MINUTE + 3, _NOON + 25 * _MINUTE + 6)
_GAP = trace.Span(10 * _HOUR + 20 * _MINUTE, 12 * _HOUR + 20 * _MINUTE)
_RESTART = trace.Span(15 * _HOUR + 50 * _MINUTE, 15 * _HOUR + 53 * _MINUTE)
_CLOCK = trace.Span(8 * _HOUR + 10 * _MINUTE, 14 * _HOUR + 10 * _MINUTE)

TRACES = {
    each.name: each
    for each in (
        trace.Trace('no fault'),
        trace.Trace('zero glitch', glitch=_GLITCH),
        trace.Trace('counter wrap', counter=RAPL, first_ticks=10**11),
        trace.Trace('two-hour gap', unreachable=_GAP),
        trace.Trace('agent restart', stopped=_RESTART),
        trace.Trace('loss', lost=0.3),
        trace.Trace('duplicates', copies=2),
        trace.Trace('clock +1 h', clock=_CLOCK, clock_offset=_HOUR),
        trace.Trace('clock -1 h', clock=_CLOCK, clock_offset=-_HOUR),
        trace.Trace(
            'daylight saving',
            day=datetime.date(2025, 10, 26),
            zone='Europe/Berlin',
        ),
        trace.Trace('two agents', machines=('a', 'b')),
        trace.Trace('wrong hour', wrong=trace.Span(_NOON, _NOON + _HOUR)),
    )
}
