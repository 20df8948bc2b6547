# SPDX-License-Identifier: Apache-2.0

"""Errors in the responses of SNMP devices."""

from pysnmp.proto import errind
from pysnmp.proto import rfc1905

from energy_meter import exception
from energy_meter.drivers.snmp import engine

# Error statuses (RFC 3416, section 3).
TOO_BIG = 1
NO_SUCH_NAME = 2
GENERAL_ERROR = 5
NO_ACCESS = 6
AUTHORIZATION_ERROR = 16

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
        status = rfc1905.errorStatus.clone(response.status).prettyPrint()
        raise exception.ProtocolError(
            device=device, reason=f'error status {status}'
        )
