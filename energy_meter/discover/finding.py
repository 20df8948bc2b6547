# SPDX-License-Identifier: Apache-2.0

"""Results of discovery."""

import typing

from energy_meter.agent import oneshot
from energy_meter.discover import section as sections


class Finding(typing.NamedTuple):
    """A device that can be metered, or the reason why it cannot.

    :ivar device: description of the device.
    :ivar remarks: advice for the operator; for a device that cannot be
        metered, the reasons.
    :ivar section: configuration section; None if the device cannot be
        metered.
    :ivar results: current reading of each probe.
    :ivar accuracy: expected accuracy.
    :ivar overlaps: name of a section that already meters the same energy.
    :ivar address: address of the device; empty for this machine.
    """

    device: str
    remarks: tuple[str, ...] = ()
    section: sections.Section | None = None
    results: tuple[oneshot.Result, ...] = ()
    accuracy: str = ''
    overlaps: str | None = None
    address: str = ''

    @property
    def section_name(self) -> str | None:
        """Name of the section, None if the device cannot be metered."""
        return None if self.section is None else self.section.name
