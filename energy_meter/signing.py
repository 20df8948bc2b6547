# SPDX-License-Identifier: Apache-2.0

"""Signatures that tell a message of ours from any other.

A :class:`Keyring` holds the secrets in their order: the first signs, all
verify. Which one signed is told by a key id, so that a message signed with
an old secret is told apart from a forged one.
"""

import collections.abc
import hashlib
import hmac

from energy_meter import exception

_KEY_ID_LABEL = b'energy_meter key id'


def key_id(secret: str) -> str:
    """Give the public name of a secret: 16 hexadecimal digits."""
    digest = hmac.digest(secret.encode(), _KEY_ID_LABEL, hashlib.sha256)
    return digest[:8].hex()


class Keyring:
    """The secrets that a service knows.

    :param secrets: the first signs, all verify.
    :raises MissingSecrets: when there is none.
    """

    def __init__(self, secrets: collections.abc.Iterable[str]) -> None:
        self._keys = {
            key_id(secret): secret.encode() for secret in secrets if secret
        }
        if not self._keys:
            raise exception.MissingSecrets()
        self.signing_key_id = next(iter(self._keys))

    def sign(self, text: bytes) -> str:
        """Sign with the first secret: 64 hexadecimal digits."""
        return hmac.digest(
            self._keys[self.signing_key_id], text, hashlib.sha256
        ).hex()

    def verify(self, key: str, text: bytes, signature: str) -> bool:
        """Tell whether the secret of that key id made the signature.

        The time that it takes does not depend on where they differ.

        :raises KeyError: when no secret here has that key id.
        """
        expected = hmac.digest(self._keys[key], text, hashlib.sha256).hex()
        return hmac.compare_digest(
            expected.encode(), signature.encode('utf-8', 'replace')
        )
