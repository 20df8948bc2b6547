# SPDX-License-Identifier: Apache-2.0

"""Keys of the user-based security model of SNMP version 3.

See RFC 3414, RFC 3826 and RFC 7860. pysnmp derives the keys, and encrypts.
"""

import functools
import hmac
import threading
import typing

from pyasn1.type import univ
from pysnmp.proto import error
from pysnmp.proto.secmod.rfc3414 import service

from energy_meter.drivers.snmp import engine

#: Name in hashlib, and length in messages, of each protocol's digest.
_DIGESTS = {
    'md5': ('md5', 12),
    'sha': ('sha1', 12),
    'sha224': ('sha224', 16),
    'sha256': ('sha256', 24),
    'sha384': ('sha384', 32),
    'sha512': ('sha512', 48),
}

#: Maximum number of users whose keys are kept.
_MAX_USERS = 1024

_SERVICES = service.SnmpUSMSecurityModel

#: pysnmp's ciphers number their messages without a lock.
_cipher_lock = threading.Lock()


@functools.lru_cache(_MAX_USERS)
def _hash_password(service: typing.Any, *arguments: typing.Any) -> typing.Any:
    """Return the key of a password, which takes 10 ms."""
    return service.hash_passphrase(*arguments)


class Keys:
    """Keys of one user on one device.

    :param credentials: credentials with an authentication password.
    :param engine_id: engine ID of the device.
    :ivar digest_length: number of bytes of a digest in a message.
    """

    def __init__(
        self, credentials: engine.Credentials, engine_id: bytes
    ) -> None:
        identity = univ.OctetString(engine_id)
        auth_oid = engine.AUTH_PROTOCOLS[credentials.auth_protocol]
        signer = _SERVICES.AUTH_SERVICES[auth_oid]
        key = _hash_password(signer, credentials.auth_password)
        self._auth_key = bytes(signer.localize_key(key, identity))
        self._hash, self.digest_length = _DIGESTS[credentials.auth_protocol]
        if credentials.priv_password:
            priv_oid = engine.PRIV_PROTOCOLS[credentials.priv_protocol]
            self._cipher = _SERVICES.PRIV_SERVICES[priv_oid]
            key = _hash_password(
                self._cipher, auth_oid, credentials.priv_password
            )
            self._priv_key = self._cipher.localize_key(auth_oid, key, identity)

    def sign(self, message: bytes, start: int) -> bytes:
        """Return a message with its digest.

        :param start: position of the digest.
        """
        end = start + self.digest_length
        return message[:start] + self._digest(message, start) + message[end:]

    def verify(self, message: bytes, start: int) -> None:
        """Verify the digest of a message.

        :raises ValueError: if it is wrong.
        """
        end = start + self.digest_length
        if not hmac.compare_digest(
            message[start:end], self._digest(message, start)
        ):
            raise ValueError('wrong digest')

    def _digest(self, message: bytes, start: int) -> bytes:
        length = self.digest_length
        unsigned = message[:start] + bytes(length) + message[start + length :]
        return hmac.digest(self._auth_key, unsigned, self._hash)[:length]

    def encrypt(
        self, data: bytes, boots: int, seconds: int
    ) -> tuple[bytes, bytes]:
        """Return encrypted data, and the salt.

        :param boots: snmpEngineBoots of the device.
        :param seconds: snmpEngineTime of the device.
        """
        with _cipher_lock:
            encrypted, salt = self._cipher.encrypt_data(
                self._priv_key, (boots, seconds, None), data
            )
        return bytes(encrypted), bytes(salt)

    def decrypt(
        self, data: bytes, boots: int, seconds: int, salt: bytes
    ) -> bytes:
        """Return decrypted data; block ciphers leave padding after it.

        :raises ValueError: if the salt or the length is wrong.
        """
        try:
            return bytes(
                self._cipher.decrypt_data(
                    self._priv_key,
                    (boots, seconds, univ.OctetString(salt)),
                    univ.OctetString(data),
                )
            )
        except error.PySnmpError as e:
            raise ValueError(f'encrypted data: {type(e).__name__}')
