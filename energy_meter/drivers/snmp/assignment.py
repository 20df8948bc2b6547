# SPDX-License-Identifier: Apache-2.0

"""Assignment of a device's channels to probes."""

import collections.abc

from oslo_log import log as logging

from energy_meter import exception
from energy_meter import log_throttle
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.snmp import channel as channels

LOG = logging.getLogger(__name__)


class Assignment:
    """Assigns channels to probes, each time the device lists its channels.

    Without names, the first list defines the index of each probe's channel.

    :param device: name of the device in error messages.
    :param probes: IDs of the probes; None for a channel that is not metered.
    :param names: index or name of each probe's channel; if empty, the
        channels are assigned in the order of their indexes.
    """

    def __init__(
        self,
        device: str,
        probes: collections.abc.Sequence[str | None],
        names: collections.abc.Sequence[str],
    ) -> None:
        self._device = device
        self._probes = probes
        self._names = names
        self._first: dict[str, channels.Channel] | None = None
        self._throttled_log = log_throttle.ThrottledLogger(LOG)

    def resolve(
        self, available: collections.abc.Sequence[channels.Channel]
    ) -> dict[str, channels.Channel]:
        """Return the channel of each probe, as far as the device has it.

        :param available: all channels of the device.
        :raises DriverError: if the device has none of the channels, or two
            probes have the same channel.
        :raises ProtocolError: if a channel was renamed, so that the agent has
            to open the driver again.
        """
        if self._names:
            per_probe.check_distinct(
                'channels',
                {
                    probe: name
                    for probe, name in zip(
                        self._probes, self._names, strict=False
                    )
                    if probe is not None
                },
            )
            assigned = assign(self._probes, self.select(available))
            per_probe.check_distinct(
                'channels',
                {probe: channel.row for probe, channel in assigned.items()},
            )
            return assigned
        if self._first is None:
            self._first = assign(self._probes, available)
            return self._first
        by_row = {channel.row: channel for channel in available}
        assigned = {
            probe: by_row[first.row]
            for probe, first in self._first.items()
            if first.row in by_row
        }
        for probe, channel in assigned.items():
            self._check_name(probe, self._first[probe], channel)
        return assigned

    def _check_name(
        self, probe: str, before: channels.Channel, now: channels.Channel
    ) -> None:
        """Raise an error if the channel of a probe was renamed.

        The agent may have named the probe after the channel.
        """
        if before.is_present and now.name not in (None, before.name):
            raise exception.ProtocolError(
                device=self._device,
                reason=f'channel {now.index} of probe {probe} was renamed '
                f'from {before.name!r} to {now.name!r}; the channels are '
                'assigned again',
            )

    def select(
        self, available: collections.abc.Sequence[channels.Channel]
    ) -> list[channels.Channel | None]:
        """Return the channel of each name; None for those not found.

        :raises DriverError: if the device has none of the channels.
        """
        matches = [_match(available, name) for name in self._names]
        selected = [
            None if isinstance(match, str) else match for match in matches
        ]
        if not any(selected):
            raise exception.DriverError(
                reason='; '.join(
                    match for match in matches if isinstance(match, str)
                )
            )
        for name, match in zip(self._names, matches, strict=True):
            if isinstance(match, str):
                self._throttled_log.warning(
                    name, '%s: %s', self._device, match
                )
            else:
                self._throttled_log.recovered(
                    name, '%s: channel %r found', self._device, name
                )
        return selected


def _match(
    available: collections.abc.Sequence[channels.Channel], name: str
) -> channels.Channel | str:
    """Return the channel with this index or name, or why there is none."""
    matches = [channel for channel in available if channel.index == name]
    matches = matches or [
        channel for channel in available if channel.name == name
    ]
    if len(matches) == 1:
        return matches[0]
    candidates = ', '.join(
        f'{channel.index} ({channel.name})' if channel.name else channel.index
        for channel in matches or available
        if channel.is_present
    )
    return (
        f'several channels match {name!r}: {candidates}'
        if matches
        else f'channel {name!r} not found; available: {candidates}'
    )


def assign(
    probes: collections.abc.Sequence[str | None],
    selected: collections.abc.Sequence[channels.Channel | None],
) -> dict[str, channels.Channel]:
    """Return the channel of each probe, except of channels that are None.

    :raises DriverError: if there are fewer channels than probes.
    """
    if len(probes) > len(selected):
        raise exception.DriverError(
            reason=f'{len(probes)} probes, but only {len(selected)} channels'
        )
    return {
        probe: channel
        for probe, channel in zip(probes, selected, strict=False)
        if probe is not None and channel is not None
    }
