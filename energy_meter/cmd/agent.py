# SPDX-License-Identifier: Apache-2.0

"""energy-meter-agent: meters probes and publishes their measurements."""

import functools
import os
import sys

from oslo_config import cfg

from energy_meter import attempt
from energy_meter import exception
from energy_meter.agent import service as agent_service
from energy_meter.agent import wattmeter
from energy_meter.bus import transport as bus_transport
from energy_meter.cmd import check
from energy_meter.cmd import oneshot
from energy_meter.cmd import output
from energy_meter.cmd import service
from energy_meter.conf import files
from energy_meter.conf import sections
from energy_meter.status import bus

_PROG = 'energy-meter-agent'
_DESCRIPTION = (
    'Read the configured wattmeters, keep an energy register for each '
    'probe, and publish measurements to the bus.'
)
_OPTS = [
    *check.OPTS,
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
        sys.exit(_check(conf))
    if conf.once:
        # os._exit() skips the cleanup, which a hanging driver would block.
        status = oneshot.run(conf, conf.wattmeter, conf.timeout, conf.format)
        sys.stdout.flush()
        os._exit(status)
    reload = functools.partial(service.read, _PROG, _DESCRIPTION, _OPTS)
    service.run(
        conf, lambda: [agent_service.Agent(conf, reload, conf.announce)]
    )


def inspect(conf: cfg.ConfigOpts, result: check.Check) -> str:
    """Check the wattmeters.

    :param result: gets the errors.
    :returns: what can be read.
    """
    wattmeters, errors = wattmeter.load(conf, agent_service.name_of(conf))
    result.errors += errors
    if not wattmeters:
        result.errors.append(
            exception.NoWattmeters(files=files.describe(conf))
        )
    result.warnings += sections.unused_templates(conf)
    probes = sum(len(meter.probes) for meter in wattmeters)
    patterns = sum(meter.pattern is not None for meter in wattmeters)
    return (
        f'{check.count(len(wattmeters), "wattmeter")} with '
        + check.count(probes, 'probe')
        + (f' and {check.count(patterns, "pattern")}' if patterns else '')
        + ' can be read'
    )


def _check(conf: cfg.ConfigOpts) -> int:
    result = check.Check(conf)
    result.attempt(bus_transport.connect)
    # A file with wattmeters alone can be checked as well.
    _, missing = attempt.call(
        functools.partial(bus_transport.keyring, conf),
        exception.MissingSecrets,
    )
    if missing is not None:
        result.warnings.append(missing)
    summary = inspect(conf, result)
    return result.finish({'Broker': bus.destination}, summary)
