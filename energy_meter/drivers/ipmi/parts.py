# SPDX-License-Identifier: Apache-2.0

"""What a Watts sensor measures: the machine, or a part of it.

References: entity IDs are those of table 43-13 of the IPMI specification 2.0
and table 6-3 of the DCMI specification 1.5. Names are vendors': sensors such
as ``CPU Power`` often have the entity ID of the system board.
"""

import re

#: Entity IDs of parts: processors, disks and bays, memory, power supplies,
#: add-in cards, panels, converters, fans, batteries, buses.
_ENTITIES = frozenset(
    {
        *range(0x03, 0x07),
        *range(0x08, 0x0E),
        0x0F,
        0x10,
        0x12,
        0x14,
        0x16,
        *range(0x1A, 0x21),
        0x28,
        *range(0x2A, 0x2E),
        *range(0x30, 0x35),
        0x37,
        0x40,
        0x41,
    }
)

#: Parts in the names of sensors. Short abbreviations are matched only where
#: no letter surrounds them.
_NAMES = re.compile(
    'cpu|processor|dimm|mem|dram|psu|power.?suppl|fan|cooling|gpu|accel|pci'
    '|riser|mezz|slot|hdd|ssd|nvme|sata|drive|disk|backplane|batter|socket'
    '|(?<![a-z])(?:proc|ps|pmb|vrm?|nic|lan|ocp|aoc|pch|dpu|bbu|hsbp|p(?=\\d))'
    '(?![a-z])',
    re.IGNORECASE,
)


def is_part(entity: int, name: str) -> bool:
    """Return whether a sensor measures a part of the machine.

    :param entity: entity ID of the sensor data record.
    :param name: name of the sensor.
    """
    return entity in _ENTITIES or _NAMES.search(name) is not None
