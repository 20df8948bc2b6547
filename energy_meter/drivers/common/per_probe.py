# SPDX-License-Identifier: Apache-2.0

"""Reading of several probes, each of which may fail on its own."""

import collections.abc
import functools
import logging
import typing

from energy_meter import attempt
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


def check_distinct(
    option: str, channels: collections.abc.Mapping[str, object]
) -> None:
    """Check that no two probes measure the same channel.

    :param option: name of the option that lists the channels.
    :param channels: channel of each probe.
    :raises DriverError: if two do, because its energy would be billed twice.
    """
    probes: list[str] = list(channels)
    for number, probe in enumerate(probes):
        for other in probes[:number]:
            if channels[other] == channels[probe]:
                raise exception.DriverError(
                    reason=f'{option}: probes {other} and {probe} have the '
                    'same channel: its energy would be billed twice'
                )


class ProbeReader:
    """Reads probes one at a time, so that a failure costs only its probe.

    It logs the failure of a probe when it begins, at growing intervals while
    it lasts, and when the probe can be read again.

    :param log: logger of the driver.
    :param fatal: errors that affect all probes of the device. The reader
        raises them at once, so that the other probes do not time out as well.
    """

    def __init__(
        self,
        log: logging.Logger | logging.LoggerAdapter[typing.Any],
        fatal: tuple[type[exception.DriverError], ...] = (),
    ) -> None:
        self._log = log
        self._throttled_log = log_throttle.ThrottledLogger(log)
        self._fatal = fatal

    def read(
        self,
        channels: collections.abc.Mapping[str, T],
        read: collections.abc.Callable[[str, T], measurement.Reading | None],
    ) -> list[measurement.Reading]:
        """Return the readings of all probes that have one.

        :param channels: what to read for each probe, by the ID of the probe.
        :param read: function that reads one probe. It gets the ID and the
            channel of the probe, and returns None if the value is
            unavailable. It raises DriverError if the probe cannot be read.
            Any other exception, a bug of the driver, also costs only the
            probe.
        :raises Exception: if all probes failed: the error of the first. If
            the error of one probe is fatal: this error.
        """
        readings = []
        errors: dict[str, Exception] = {}
        for probe, channel in channels.items():
            reading, error = attempt.call(
                functools.partial(read, probe, channel), Exception
            )
            if isinstance(error, self._fatal):
                raise error
            if error is not None:
                errors[probe] = error
                continue
            self._throttled_log.recovered(
                probe, 'probe %s can be read again', probe
            )
            if reading is not None:
                readings.append(reading)
        if errors and len(errors) == len(channels):
            raise next(iter(errors.values()))
        for probe, error in errors.items():
            self._warn(probe, error)
        return readings

    def _warn(self, probe: str, error: Exception) -> None:
        crashed = not isinstance(error, exception.DriverError)
        self._throttled_log.warning(
            probe,
            'probe %s: %s%s',
            probe,
            f'{type(error).__name__}: ' if crashed else '',
            str(error)[: exception.DriverError.max_length],
        )
        if crashed:
            self._log.debug('Driver crashed', exc_info=error)
