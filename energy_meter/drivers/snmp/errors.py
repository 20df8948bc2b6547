# SPDX-License-Identifier: Apache-2.0

"""Errors in the responses of SNMP devices."""

import time

from pysnmp.proto import errind
from pysnmp.proto import rfc1905

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import objects

# Error statuses (RFC 3416, section 3).
TOO_BIG = 1
NO_SUCH_NAME = 2
GENERAL_ERROR = 5
NO_ACCESS = 6
AUTHORIZATION_ERROR = 16

#: Error statuses of single objects, other than missing ones.
ROW_STATUSES = (GENERAL_ERROR, NO_ACCESS)

#: Error indications of rejected credentials, from the device (RFC 3414,
#: section 3.2) or from pysnmp.
_AUTHENTICATION_ERRORS = (
    errind.AuthenticationFailure,
    errind.DecryptionError,
    errind.UnknownSecurityName,
    errind.UnknownUserName,
    errind.UnsupportedSecurityLevel,
    errind.WrongDigest,
)


class RowFailed(exception.DriverError):
    """The device returned an error for an object in a walk.

    :ivar cause: the error to raise if the device cannot be read without it.
    :ivar found: values that were read before.
    """

    def __init__(
        self,
        cause: exception.DriverError,
        found: dict[engine.Oid, objects.Value],
    ) -> None:
        super().__init__(reason=cause)
        self.cause = cause
        self.found = found


def check(
    response: engine.Response, device: str, credentials: engine.Credentials
) -> None:
    """Raise an error unless a response is valid.

    :param device: name of the device in the error message.
    :param credentials: credentials of the request.
    :raises AuthenticationFailed: if the device rejected the user.
    :raises ProtocolError: if the device reported another error.
    """
    is_rejected = isinstance(
        response.error, _AUTHENTICATION_ERRORS
    ) or response.status in (NO_ACCESS, AUTHORIZATION_ERROR)
    if is_rejected and credentials.user:
        raise exception.AuthenticationFailed(
            device=device, user=credentials.user
        )
    if response.error is not None:
        raise exception.ProtocolError(device=device, reason=response.error)
    if response.status:
        raise exception.ProtocolError(
            device=device, reason=f'error status {name(response.status)}'
        )


def is_end(response: engine.Response, ranges: int) -> bool:
    """Return whether the MIB ends in the range that the error index names.

    Only version 1 reports the end in this way.

    :param ranges: number of ranges in the request.
    """
    return response.status == NO_SUCH_NAME and 0 < response.index <= ranges


def name(status: int) -> str:
    """Return the name of an error status."""
    return str(rfc1905.errorStatus.clone(status).prettyPrint())


def check_deadline(deadline: float, device: str) -> None:
    """Check that the walk of a device that answers slowly ends.

    :param deadline: end of the walk on the monotonic clock.
    :raises DeviceUnreachable: if it has passed.
    """
    if time.monotonic() > deadline:
        raise exception.DeviceUnreachable(
            device=device,
            reason=f'its tables took more than {bounds.MAX_WALK_S:g} s',
        )
