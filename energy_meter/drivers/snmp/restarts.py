# SPDX-License-Identifier: Apache-2.0

"""Detection of restarts of a device.

A device may number its outlets and sensors in another way after a restart.
Two values show one: sysUpTime, the time since the device's SNMP agent started
(RFC 3418), and snmpEngineBoots, the number of these starts, which each message
of version 3 contains (RFC 3414, section 2.2).
"""

import typing

from energy_meter.drivers.snmp import objects

#: sysUpTime: a 32-bit number of hundredths of a second. It returns to 0 after
#: 497 days, which cannot be distinguished from a restart.
UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)

#: Time in seconds, and fraction of the elapsed time, by which the uptime may
#: lag behind the agent's clock: devices update it rarely or imprecisely.
MAX_LAG_S = 5.0
MAX_LAG_FRACTION = 0.1


class Sample(typing.NamedTuple):
    """Values that show a restart, and the times of request and response.

    :ivar uptime: sysUpTime; not a number if the device does not report it.
    :ivar boots: snmpEngineBoots; None if unknown.
    :ivar sent: time of the request on the monotonic clock, in seconds.
    :ivar received: time of the response on the same clock.
    """

    uptime: objects.Value
    boots: int | None
    sent: float
    received: float

    def is_after_restart(self, earlier: 'Sample') -> bool:
        """Return whether the device was restarted after an earlier sample."""
        if self.boots != earlier.boots and None not in (
            self.boots,
            earlier.boots,
        ):
            return True
        if not isinstance(self.uptime, int) or not isinstance(
            earlier.uptime, int
        ):
            return False
        advanced = (self.uptime - earlier.uptime) / 100
        if advanced == 0:
            # Some agents report a constant, or update the value rarely.
            return False
        # A device that was restarted soon after its last start may already
        # have reached the earlier uptime again.
        elapsed = max(0.0, self.sent - earlier.received)
        lag = MAX_LAG_S + MAX_LAG_FRACTION * elapsed
        return advanced < 0 or advanced < elapsed - lag
