# SPDX-License-Identifier: Apache-2.0

"""What was found, for people and for programs."""

import collections.abc
import json
import textwrap
import typing

import prettytable

from energy_meter.discover import finding

Findings = collections.abc.Sequence[finding.Finding]

_JOULES_PER_KWH = 3.6e6

_HEAD = (
    'Made by energy-meter-discover. Give the probes their final ids '
    'before the agent starts with them, best the names of the machines '
    'that they measure: energy is accounted by id.'
)
_OVERLAP = (
    'Sees the energy of {} once more. Use one of the two, or mind '
    'that totals count both.'
)


def _kwh(reading: typing.Any) -> float | None:
    if reading.ticks is None:
        return None
    return float(reading.ticks * reading.counter.joules / _JOULES_PER_KWH)


def table(findings: Findings) -> str:
    """Show what can be metered, a row for each probe."""
    shown = prettytable.PrettyTable(
        [
            'found',
            'probe',
            'scope',
            'W',
            'energy counter',
            'expected accuracy',
        ],
        align='l',
    )
    shown.align['W'] = 'r'
    for found in findings:
        for result in found.results:
            reading: typing.Any = result.reading
            kwh = _kwh(reading)
            shown.add_row(
                [
                    found.what,
                    result.probe,
                    result.scope,
                    '-' if reading.watts is None else f'{reading.watts:.1f}',
                    'no' if kwh is None else f'yes, {kwh:.3f} kWh',
                    found.accuracy,
                ]
            )
    return shown.get_string()


def obstacles(findings: Findings) -> str:
    """Tell what can't be metered, why not, and what to do."""
    return '\n'.join(
        _wrapped(f'{found.what}: {"; ".join(found.remarks)}.', '* ', '  ')
        for found in findings
        if found.section is None
    )


def sections(findings: Findings, secrets: bool) -> str:
    """Give the sections that meter what can be metered.

    Those of what is metered already are comments.

    :param secrets: as in a section's text.
    """
    return '\n'.join(
        [
            _comment(_HEAD),
            *(_section(found, secrets) for found in findings if found.section),
        ]
    )


def _section(found: finding.Finding, secrets: bool) -> str:
    assert found.section is not None
    remarks = [found.what, *found.remarks]
    text = found.section.text(secrets)
    if found.overlaps is not None:
        remarks.append(_OVERLAP.format(f'[wattmeter:{found.overlaps}]'))
        text = textwrap.indent(text, '#')
    return ''.join(map(_comment, remarks)) + text


def _comment(text: str) -> str:
    return _wrapped(text, '# ', '# ') + '\n'


def _wrapped(text: str, first: str, later: str) -> str:
    return textwrap.fill(
        text,
        79,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def as_json(findings: Findings) -> str:
    """Give all of it, secrets left out."""
    return json.dumps(
        [
            {
                'found': found.what,
                'remarks': found.remarks,
                'accuracy': found.accuracy or None,
                'overlaps': found.overlaps,
                'section': found.section and found.section.text(secrets=False),
                'probes': [
                    {
                        'probe': result.probe,
                        'scope': result.scope,
                        'w': typing.cast(typing.Any, result.reading).watts,
                        'counter_kwh': _kwh(result.reading),
                    }
                    for result in found.results
                ],
            }
            for found in findings
        ],
        indent=2,
    )
