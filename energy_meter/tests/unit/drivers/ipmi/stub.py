# SPDX-License-Identifier: Apache-2.0

"""A session without a BMC behind it."""

from energy_meter.drivers.ipmi import session as ipmi_session

INVALID_COMMAND = 0xC1


class StubSession:
    """Answers the requests that it is given answers for.

    An answer is the data, or the completion code of a refusal. All other
    commands are invalid.
    """

    device = 'BMC bmc port 623'

    def __init__(self) -> None:
        self.answers: dict[tuple[int, int, bytes], bytes | int] = {}

    def open(self) -> None:
        """Log in."""

    def close(self) -> None:
        """Log out."""

    def request(
        self, netfn: int, command: int, data: bytes = b'', lun: int = 0
    ) -> bytes:
        answer = self.answers.get((netfn, command, data), INVALID_COMMAND)
        if isinstance(answer, int):
            raise ipmi_session.CommandRefused(
                device=self.device, code=answer, reason=f'{answer:#04x}'
            )
        return answer
