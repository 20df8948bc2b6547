# SPDX-License-Identifier: Apache-2.0

"""Reading of several probes, each of which may fail on its own."""

import collections.abc
import logging
import typing

from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement

T = typing.TypeVar('T')


def assign(
    option: str,
    channels: collections.abc.Sequence[T],
    probes: collections.abc.Sequence[str | None],
) -> dict[str, T]:
    """Return the channel of each probe; skip channels that are not metered.

    :param option: name of the option that lists the channels.
    :param channels: the device's names of its channels, in probe order.
    :raises DriverError: if there are fewer channels than probes.
    """
    if len(channels) < len(probes):
        raise exception.DriverError(
            reason=f'{option} names {len(channels)} for {len(probes)} probes: '
            'expected one for each, in the same order'
        )
    return {
        probe: channel
        for probe, channel in zip(probes, channels, strict=False)
        if probe is not None
    }


class ProbeReader:
    """Reads probes one at a time; a failure affects only that probe.

    :param log: logger of the failures of single probes.
    """

    def __init__(
        self, log: logging.Logger | logging.LoggerAdapter[typing.Any]
    ) -> None:
        self._throttled_log = log_throttle.ThrottledLogger(log)

    def read(
        self,
        channels: collections.abc.Mapping[str, T],
        read: collections.abc.Callable[[str, T], measurement.Reading | None],
    ) -> list[measurement.Reading]:
        """Return the readings of all probes that have one.

        :param channels: the channel of each probe.
        :param read: function that reads one probe. It returns None if the
            value is unavailable.
        :raises DriverError: if all probes failed: the error of the first.
        """
        readings = []
        errors: dict[str, exception.DriverError] = {}
        for probe, channel in channels.items():
            try:
                reading = read(probe, channel)
            except exception.DriverError as e:
                errors[probe] = e
                continue
            self._throttled_log.recovered(
                probe, 'probe %s can be read again', probe
            )
            if reading is not None:
                readings.append(reading)
        if errors and len(errors) == len(channels):
            raise next(iter(errors.values()))
        for probe, error in errors.items():
            self._throttled_log.warning(probe, 'probe %s: %s', probe, error)
        return readings
