# SPDX-License-Identifier: Apache-2.0


"""Several probes behind one wattmeter, each of which may fail by itself."""

import collections.abc
import logging
import typing

from energy_meter import complaint
from energy_meter import exception
from energy_meter import measurement

T = typing.TypeVar('T')


def assign(
    option: str,
    outlets: collections.abc.Sequence[T],
    probes: collections.abc.Sequence[str | None],
) -> dict[str, T]:
    """Tell what each probe measures; probes that are left out are no keys.

    :param option: name of the option that lists the outlets.
    :param outlets: what the device calls its outlets, in probe order.
    :raises DriverError: when there are fewer outlets than probes.
    """
    if len(outlets) < len(probes):
        raise exception.DriverError(
            reason=f'{option} names {len(outlets)} for {len(probes)} probes: '
            'expected one for each, in the same order'
        )
    return {
        probe: outlet
        for probe, outlet in zip(probes, outlets, strict=False)
        if probe is not None
    }


class Probewise:
    """Reads one probe after the other; a failure costs only that probe.

    :param log: where failures of single probes are complained of.
    """

    def __init__(
        self, log: logging.Logger | logging.LoggerAdapter[typing.Any]
    ) -> None:
        self._complaints = complaint.Complaints(log)

    def read(
        self,
        outlets: collections.abc.Mapping[str, T],
        read: collections.abc.Callable[[str, T], measurement.Reading | None],
    ) -> list[measurement.Reading]:
        """Give the readings of all probes that have one.

        :param outlets: what each probe measures.
        :param read: reads one probe; None means that nothing is available.
        :raises DriverError: when every probe failed: the first's error.
        """
        readings = []
        errors: dict[str, exception.DriverError] = {}
        for probe, outlet in outlets.items():
            try:
                reading = read(probe, outlet)
            except exception.DriverError as e:
                errors[probe] = e
                continue
            self._complaints.settle(probe, 'probe %s can be read again', probe)
            if reading is not None:
                readings.append(reading)
        if errors and len(errors) == len(outlets):
            raise next(iter(errors.values()))
        for probe, error in errors.items():
            self._complaints.complain(probe, 'probe %s: %s', probe, error)
        return readings
