# SPDX-License-Identifier: Apache-2.0

"""Tests of configuration sections with the agent's own code."""

import collections.abc
import contextlib
import os
import time
import types

from oslo_config import cfg

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter.agent import oneshot
from energy_meter.agent import wattmeter
from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.drivers import base

#: Interval between two readings of a device that has only an energy counter,
#: to compute its power.
READING_INTERVAL_S = 1.0


def load(section: sections.Section) -> wattmeter.Wattmeter:
    """Load a section as the agent does.

    :raises ConfigurationError: if the section is invalid.
    """
    wattmeters, errors = load_all([section])
    for error in errors:
        raise error
    return wattmeters[0]


def load_all(
    found: collections.abc.Iterable[sections.Section],
) -> tuple[list[wattmeter.Wattmeter], list[exception.ConfigurationError]]:
    """Load sections as the agent does.

    :returns: the wattmeters, and the errors of invalid sections.
    :raises ConfigurationError: if a configuration file cannot contain a
        section.
    """
    conf = cfg.ConfigOpts()
    energy_meter_conf.register_opts(conf)
    text = '\n'.join(each.text(secrets=True) for each in found)
    with _file(text) as path:
        conf([], default_config_files=[path], default_config_dirs=[])
        return wattmeter.load(conf, 'energy-meter-discover')


@contextlib.contextmanager
def _file(text: str) -> collections.abc.Iterator[str]:
    """Provide a private file in memory, so that no secret is on a disk."""
    with os.fdopen(os.memfd_create('section'), 'w') as stream:
        stream.write(text)
        stream.flush()
        yield f'/proc/self/fd/{stream.fileno()}'


def make_driver(section: sections.Section) -> base.Driver:
    """Return the driver of a section, without probes."""
    loaded = load(section)
    return loaded.driver(types.SimpleNamespace(**loaded.options), ())


class SectionTester:
    """Reads the wattmeters of sections to check that they work.

    :param timeout: maximum time in seconds for each section.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout

    def read(self, section: sections.Section) -> list[oneshot.Result]:
        """Return the reading or error of each probe of a section.

        :raises ConfigurationError: if the section is invalid.
        """
        loaded = load(section)
        results = self._read(loaded)
        if all(_has_only_counter(result) for result in results):
            time.sleep(READING_INTERVAL_S)
            results = list(map(_with_power, results, self._read(loaded)))
        return results

    def _read(self, loaded: wattmeter.Wattmeter) -> list[oneshot.Result]:
        return [
            result
            for batch in oneshot.read([loaded], self.timeout)
            for result in batch
        ]

    def test(
        self,
        device: str,
        section: sections.Section,
        accuracy: str,
        *remarks: str,
        overlaps: str | None = None,
    ) -> finding.Finding:
        """Read a section and return the finding.

        The section of the finding omits probes without a value. It is None
        if no probe has a value, or the section is invalid.
        """
        try:
            results = self.read(section)
        except exception.ConfigurationError as error:
            return finding.Finding(device, (str(error), *remarks))
        available = tuple(result for result in results if result.error is None)
        if not available:
            errors = dict.fromkeys(str(result.error) for result in results)
            return finding.Finding(device, (*errors, *remarks))
        omitted = [result.probe for result in results if result.error]
        if omitted:
            remarks += (
                f'omitted, because they have no value now: '
                f'{", ".join(omitted)}',
            )
        return finding.Finding(
            device,
            remarks,
            section.without(omitted),
            available,
            accuracy,
            overlaps,
        )


def _has_only_counter(result: oneshot.Result) -> bool:
    return (
        result.reading is not None
        and result.reading.watts is None
        and result.reading.monotonic is not None
    )


def _with_power(
    before: oneshot.Result, after: oneshot.Result
) -> oneshot.Result:
    """Compute the power from two readings; unchanged if it is unknown."""
    old, new = before.reading, after.reading
    if (
        old is None
        or new is None
        or old.ticks is None
        or new.ticks is None
        or new.counter is None
        or new.monotonic is None
        or old.monotonic is None
    ):
        return after
    increase = new.ticks - old.ticks
    if new.counter.rollover is not None:
        increase %= new.counter.rollover
    if increase <= 0:
        return after
    watts = (
        increase
        * new.counter.joules_per_tick
        / (new.monotonic - old.monotonic)
    )
    return after._replace(reading=new._replace(watts=watts))
