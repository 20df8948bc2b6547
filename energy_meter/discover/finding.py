# SPDX-License-Identifier: Apache-2.0

"""What was found, or not found."""

import typing

from energy_meter.agent import once
from energy_meter.discover import section as sections


class Finding(typing.NamedTuple):
    """Something that can be metered, or that can't.

    :ivar what: what it is, or was looked for.
    :ivar remarks: what an operator should know or do; of what can't be
        metered, why not.
    :ivar section: how the agent meters it; None if it can't be metered.
    :ivar results: what each of its probes shows.
    :ivar accuracy: what accuracy to expect.
    :ivar overlaps: what else sees the same energy, and is metered instead.
    """

    what: str
    remarks: tuple[str, ...] = ()
    section: sections.Section | None = None
    results: tuple[once.Result, ...] = ()
    accuracy: str = ''
    overlaps: str | None = None

    @property
    def name(self) -> str | None:
        """Name of the section, if it can be metered."""
        return None if self.section is None else self.section.name
