# SPDX-License-Identifier: Apache-2.0

"""Keys of the user-based security model of SNMP version 3.

See RFC 3414, RFC 3826 and RFC 7860. pysnmp derives the keys.
"""

import functools
import hmac
import itertools
import secrets
import struct
import typing

from cryptography.hazmat.primitives import ciphers
from pyasn1.type import univ
from pysnmp.proto.secmod.rfc3414 import service

from energy_meter.drivers.snmp import engine

try:
    from cryptography.hazmat.decrepit.ciphers import algorithms
    from cryptography.hazmat.decrepit.ciphers import modes
except ImportError:  # before release 47
    algorithms = ciphers.algorithms  # type: ignore[misc]
    modes = ciphers.modes  # type: ignore[misc]

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

_BLOCK_BYTES = 8
_SALT_BYTES = 8

#: Numbers of encrypted messages. No two messages may have the same.
_salts = itertools.count(secrets.randbits(64))


@functools.lru_cache(_MAX_USERS)
def _hash_password(protocol: typing.Any, *arguments: typing.Any) -> typing.Any:
    """Return the key of a password, which takes 10 ms."""
    return protocol.hash_passphrase(*arguments)


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
            protocol = _SERVICES.PRIV_SERVICES[priv_oid]
            key = _hash_password(protocol, auth_oid, credentials.priv_password)
            self._priv_key = bytes(
                protocol.localize_key(auth_oid, key, identity)
            )
            self._is_aes = credentials.priv_protocol.startswith('aes')

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
        salt = (next(_salts) % 2**64).to_bytes(8, 'big')
        if not self._is_aes:
            salt = boots.to_bytes(4, 'big') + salt[4:]
            data += bytes(-len(data) % _BLOCK_BYTES)
        cipher = self._cipher(boots, seconds, salt).encryptor()
        return cipher.update(data) + cipher.finalize(), salt

    def decrypt(
        self, data: bytes, boots: int, seconds: int, salt: bytes
    ) -> bytes:
        """Return decrypted data; block ciphers leave padding after it.

        :raises ValueError: if the salt or the length is wrong.
        """
        if len(salt) != _SALT_BYTES:
            raise ValueError('salt with a wrong length')
        cipher = self._cipher(boots, seconds, salt).decryptor()
        return cipher.update(data) + cipher.finalize()

    def _cipher(
        self, boots: int, seconds: int, salt: bytes
    ) -> ciphers.Cipher[typing.Any]:
        if self._is_aes:
            vector = struct.pack('>II', boots, seconds) + salt
            return ciphers.Cipher(
                ciphers.algorithms.AES(self._priv_key), modes.CFB(vector)
            )
        key, mask = self._priv_key[:-8], self._priv_key[-8:]
        vector = bytes(a ^ b for a, b in zip(salt, mask, strict=True))
        # DES is 3DES with the same key three times.
        return ciphers.Cipher(
            algorithms.TripleDES(key * (24 // len(key))),
            ciphers.modes.CBC(vector),
        )
