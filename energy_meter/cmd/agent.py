# SPDX-License-Identifier: Apache-2.0

"""energy-meter-agent: meters probes and publishes their measurements."""

import functools
import os
import sys

from oslo_config import cfg

from energy_meter.agent import service as agent_service
from energy_meter.agent import wattmeter
from energy_meter.cmd import oneshot
from energy_meter.cmd import output
from energy_meter.cmd import service

_PROG = 'energy-meter-agent'
_DESCRIPTION = (
    'Read the configured wattmeters, keep an energy register for each '
    'probe, and publish measurements to the bus.'
)
_OPTS = [
    cfg.BoolOpt(
        'check',
        default=False,
        help='Check the configuration of the wattmeters, print its errors '
        'and exit. The exit status is 1 if there are any.',
    ),
    cfg.BoolOpt(
        'once',
        default=False,
        help='Read the wattmeters once, print the reading or the error of '
        'each probe, and exit. The exit status is 1 if any failed. '
        'Intended for commissioning a rack.',
    ),
    cfg.BoolOpt(
        'announce',
        default=False,
        help='At start, publish all marks in state_path again, those of the '
        'last four days. Use it after the database was restored from a '
        'backup.',
    ),
    cfg.StrOpt(
        'format',
        default='table',
        choices=['table', 'json'],
        help='Output format of --once.',
    ),
    cfg.FloatOpt(
        'timeout',
        default=30.0,
        min=1.0,
        help='Timeout in seconds of each wattmeter with --once.',
    ),
    cfg.MultiStrOpt(
        'wattmeter',
        positional=True,
        default=[],
        help='Wattmeters to read with --once; by default all.',
    ),
]


def main() -> None:
    """Run the agent, or check or read its wattmeters."""
    output.ignore_closed_pipe()
    conf = service.load(_PROG, _DESCRIPTION, _OPTS)
    if conf.wattmeter and not conf.once:
        sys.exit(f'{_PROG}: {conf.wattmeter[0]}: wattmeters require --once')
    if conf.check:
        sys.exit(check(conf))
    if conf.once:
        # os._exit() skips the cleanup, which a hanging driver would block.
        status = oneshot.run(conf, conf.wattmeter, conf.timeout, conf.format)
        sys.stdout.flush()
        os._exit(status)
    reload = functools.partial(service.read, _PROG, _DESCRIPTION, _OPTS)
    service.run(
        conf, lambda: [agent_service.Agent(conf, reload, conf.announce)]
    )


def check(conf: cfg.ConfigOpts) -> int:
    """Check the configuration of the wattmeters and print the result.

    :returns: the exit status.
    """
    wattmeters, errors = wattmeter.load(conf, agent_service.name_of(conf))
    for error in errors:
        print(error, file=sys.stderr)
    probes = sum(len(meter.probes) for meter in wattmeters)
    patterns = sum(meter.pattern is not None for meter in wattmeters)
    print(
        f'{len(wattmeters)} wattmeters with {probes} probes '
        + (f'and {patterns} patterns ' if patterns else '')
        + f'can be read, {len(errors)} errors'
    )
    return 1 if errors or not wattmeters else 0
