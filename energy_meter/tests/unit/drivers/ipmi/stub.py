# SPDX-License-Identifier: Apache-2.0

"""Stub of an IPMI session."""

from energy_meter.drivers.ipmi import session as ipmi_session

INVALID_COMMAND = 0xC1


class StubSession:
    """Session that returns prepared responses.

    A response is the data, or a completion code. All other commands fail as
    invalid.

    :ivar requests: requests that were sent.
    """

    device = 'BMC bmc port 623'

    def __init__(self) -> None:
        self.logins = 1
        self.requests: list[tuple[int, int, bytes]] = []
        self.responses: dict[tuple[int, int, bytes], bytes | int] = {}

    def open(self) -> None:
        """Log in."""

    def renew(self) -> None:
        """Log in again if the session is idle."""

    def close(self) -> None:
        """Log out."""

    def request(
        self, netfn: int, command: int, data: bytes = b'', lun: int = 0
    ) -> bytes:
        self.requests.append((netfn, command, data))
        response = self.responses.get((netfn, command, data), INVALID_COMMAND)
        if isinstance(response, int):
            raise ipmi_session.CommandFailed(
                device=self.device, code=response, reason=f'{response:#04x}'
            )
        return response
