# SPDX-License-Identifier: Apache-2.0

"""energy-meter-agent: reads wattmeters and publishes what they show."""

import functools
import os
import sys

from oslo_config import cfg

from energy_meter.agent import service as agent_service
from energy_meter.agent import wattmeter
from energy_meter.cmd import once
from energy_meter.cmd import service

_PROG = 'energy-meter-agent'
_DESCRIPTION = (
    'Read the wattmeters of the configuration, keep an energy '
    'register for each probe, and publish what they show.'
)
_OPTS = [
    cfg.BoolOpt(
        'check',
        default=False,
        help='Only check the configuration of the wattmeters: print '
        'what is wrong and exit with 1 if anything is.',
    ),
    cfg.BoolOpt(
        'once',
        default=False,
        help='Only read the wattmeters once: print what each probe '
        'shows, or why it shows nothing, and exit with 1 if any '
        'failed. For commissioning a rack.',
    ),
    cfg.StrOpt(
        'format',
        default='table',
        choices=['table', 'json'],
        help='How --once prints.',
    ),
    cfg.FloatOpt(
        'timeout',
        default=30.0,
        min=1.0,
        help='Seconds that --once gives each wattmeter.',
    ),
    cfg.MultiStrOpt(
        'wattmeter',
        positional=True,
        default=[],
        help='Wattmeters for --once; all by default.',
    ),
]


def main() -> None:
    conf = service.load(_PROG, _DESCRIPTION, _OPTS)
    if conf.wattmeter and not conf.once:
        sys.exit(f'{_PROG}: {conf.wattmeter[0]}: only --once takes wattmeters')
    if conf.check:
        sys.exit(check(conf))
    if conf.once:
        # A driver that hangs must not keep the process.
        status = once.run(conf, conf.wattmeter, conf.timeout, conf.format)
        sys.stdout.flush()
        os._exit(status)
    reload = functools.partial(service.read, _PROG, _DESCRIPTION, _OPTS)
    service.run(conf, lambda: [agent_service.Agent(conf, reload)])


def check(conf: cfg.ConfigOpts) -> int:
    """Print what is wrong with the wattmeters.

    :returns: the exit code.
    """
    found, errors = wattmeter.load(conf, agent_service.name_of(conf))
    for error in errors:
        print(error, file=sys.stderr)
    probes = sum(len(item.probes) for item in found)
    patterns = sum(item.pattern is not None for item in found)
    print(
        f'{len(found)} wattmeters with {probes} probes '
        + (f'and {patterns} patterns ' if patterns else '')
        + f'can be read, {len(errors)} errors'
    )
    return 1 if errors or not found else 0
