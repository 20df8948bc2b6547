# SPDX-License-Identifier: Apache-2.0

"""HMAC signatures of messages.

A :class:`Keyring` holds the configured secrets in order: the first one signs,
all of them verify. Each message names its secret by a key id. So a reader can
distinguish a message that is signed with an unknown secret, an old one for
instance, from a forged message.
"""

import collections.abc
import hashlib
import hmac

from energy_meter import exception

_KEY_ID_LABEL = b'energy_meter key id'


def key_id(secret: str) -> str:
    """Return the public id of a secret: 16 hexadecimal digits."""
    digest = hmac.digest(secret.encode(), _KEY_ID_LABEL, hashlib.sha256)
    return digest[:8].hex()


class Keyring:
    """The secrets of a service.

    :param secrets: the first one signs, all of them verify.
    :raises MissingSecrets: if there is none.
    """

    def __init__(self, secrets: collections.abc.Iterable[str]) -> None:
        self._keys = {
            key_id(secret): secret.encode() for secret in secrets if secret
        }
        if not self._keys:
            raise exception.MissingSecrets()
        self.signing_key_id = next(iter(self._keys))

    def sign(self, text: bytes) -> str:
        """Return the HMAC-SHA256 of a text: 64 hexadecimal digits.

        It is made with the first secret.
        """
        return hmac.digest(
            self._keys[self.signing_key_id], text, hashlib.sha256
        ).hex()

    def verify(self, key: str, text: bytes, signature: str) -> bool:
        """Return whether the secret with a key id made a signature.

        The comparison takes constant time.

        :raises KeyError: if no secret has this key id.
        """
        expected = hmac.digest(self._keys[key], text, hashlib.sha256).hex()
        return hmac.compare_digest(
            expected.encode(), signature.encode('utf-8', 'replace')
        )
