# SPDX-License-Identifier: Apache-2.0

"""Trying a section in earnest: the agent's own code reads it."""

import collections.abc
import contextlib
import os
import time
import types

from oslo_config import cfg

from energy_meter import conf as energy_meter_conf
from energy_meter.agent import once
from energy_meter.agent import wattmeter
from energy_meter.discover import finding
from energy_meter.discover import section as sections
from energy_meter.drivers import base

#: Seconds between the two readings that tell the power where there is a
#: counter alone.
PAUSE = 1.0


def load(section: sections.Section) -> wattmeter.Wattmeter:
    """Read a section as the agent does.

    :raises ConfigurationError: it makes no sense.
    """
    conf = cfg.ConfigOpts()
    energy_meter_conf.register_opts(conf)
    with _file(section.text(secrets=True)) as path:
        conf([], default_config_files=[path], default_config_dirs=[])
        found, errors = wattmeter.load(conf, 'energy-meter-discover')
    for error in errors:
        raise error
    return found[0]


@contextlib.contextmanager
def _file(text: str) -> collections.abc.Iterator[str]:
    """Make a file that nobody else can read, and that is on no disk."""
    with os.fdopen(os.memfd_create('section'), 'w') as stream:
        stream.write(text)
        stream.flush()
        yield f'/proc/self/fd/{stream.fileno()}'


def make_driver(section: sections.Section) -> base.Driver:
    """Make the driver of a section, with no probe to read."""
    loaded = load(section)
    return loaded.driver(types.SimpleNamespace(**loaded.options), ())


class Trial:
    """Reads sections.

    :param timeout: seconds that each may take.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout

    def read(self, section: sections.Section) -> list[once.Result]:
        """Give what the probes of a section show.

        :raises ConfigurationError: it makes no sense.
        """
        loaded = load(section)
        results = self._read(loaded)
        if all(_is_counter_alone(result) for result in results):
            time.sleep(PAUSE)
            results = list(map(_with_power, results, self._read(loaded)))
        return results

    def _read(self, loaded: wattmeter.Wattmeter) -> list[once.Result]:
        return [
            result
            for batch in once.read([loaded], self.timeout)
            for result in batch
        ]

    def attempt(
        self,
        what: str,
        section: sections.Section,
        accuracy: str,
        *remarks: str,
        overlaps: str | None = None,
    ) -> finding.Finding:
        """Try whether something can be metered."""
        results = self.read(section)
        shown = tuple(result for result in results if result.error is None)
        if not shown:
            errors = dict.fromkeys(str(result.error) for result in results)
            return finding.Finding(what, (*errors, *remarks))
        silent = [result.probe for result in results if result.error]
        if silent:
            remarks += (
                f'left out, for it shows no value now: {", ".join(silent)}',
            )
        return finding.Finding(
            what, remarks, section.without(silent), shown, accuracy, overlaps
        )


def _is_counter_alone(result: once.Result) -> bool:
    return (
        result.reading is not None
        and result.reading.watts is None
        and result.reading.at is not None
    )


def _with_power(before: once.Result, after: once.Result) -> once.Result:
    """Tell the power from the counter's rise; it may not have risen."""
    old, new = before.reading, after.reading
    if (
        old is None
        or new is None
        or old.ticks is None
        or new.ticks is None
        or new.counter is None
        or new.at is None
        or old.at is None
    ):
        return after
    rise = new.ticks - old.ticks
    if new.counter.size is not None:
        rise %= new.counter.size
    if rise <= 0:
        return after
    watts = rise * new.counter.joules / (new.at - old.at)
    return after._replace(reading=new._replace(watts=watts))
