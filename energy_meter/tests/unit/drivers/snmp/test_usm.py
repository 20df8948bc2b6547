# SPDX-License-Identifier: Apache-2.0


"""Tests of digests and ciphers, against those of pysnmp."""

import hypothesis
from hypothesis import strategies
from oslotest import base
from pyasn1.type import univ
from pysnmp.proto.secmod.rfc3414 import service

from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import usm

ENGINE_ID = bytes.fromhex('80001f888012345678')
AUTH, PRIV = 'auth-s3cret', 'priv-s3cret'

auth_protocols = strategies.sampled_from(sorted(engine.AUTH_PROTOCOLS))
priv_protocols = strategies.sampled_from(sorted(engine.PRIV_PROTOCOLS))
clocks = strategies.integers(0, 2**31 - 1)


def keys(auth_protocol='sha', priv_protocol='aes'):
    return usm.Keys(
        engine.Credentials(
            '3', '', 'meter', auth_protocol, AUTH, priv_protocol, PRIV
        ),
        ENGINE_ID,
    )


def pysnmp_cipher(auth_protocol, priv_protocol):
    """Return the cipher of pysnmp and its key."""
    auth_oid = engine.AUTH_PROTOCOLS[auth_protocol]
    cipher = service.SnmpUSMSecurityModel.PRIV_SERVICES[
        engine.PRIV_PROTOCOLS[priv_protocol]
    ]
    key = cipher.hash_passphrase(auth_oid, PRIV)
    return cipher, cipher.localize_key(
        auth_oid, key, univ.OctetString(ENGINE_ID)
    )


class CipherTest(base.BaseTestCase):
    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(
        auth_protocols,
        priv_protocols,
        strategies.binary(min_size=1, max_size=200),
        clocks,
        clocks,
    )
    def test_pysnmp_decrypts_data_and_reverse(
        self, auth_protocol, priv_protocol, data, boots, seconds
    ):
        own = keys(auth_protocol, priv_protocol)
        cipher, key = pysnmp_cipher(auth_protocol, priv_protocol)

        encrypted, salt = own.encrypt(data, boots, seconds)
        theirs, their_salt = cipher.encrypt_data(
            key, (boots, seconds, None), data
        )

        self.assertEqual(
            data,
            bytes(
                cipher.decrypt_data(
                    key,
                    (boots, seconds, univ.OctetString(salt)),
                    univ.OctetString(encrypted),
                )
            )[: len(data)],
        )
        self.assertEqual(
            data,
            own.decrypt(bytes(theirs), boots, seconds, bytes(their_salt))[
                : len(data)
            ],
        )

    def test_no_two_messages_have_the_same_salt(self):
        for protocol in engine.PRIV_PROTOCOLS:
            devices = [keys('sha', protocol), keys('sha', protocol)]

            salts = {
                device.encrypt(b'data', 1, 1)[1]
                for device in devices
                for _ in range(100)
            }

            self.assertEqual(200, len(salts), protocol)

    def test_malformed_data_is_rejected(self):
        for protocol, data, salt in (
            ('aes', b'data', b'1234567'),
            ('des', b'8 bytes.', b'1234567'),
            ('des', b'7 bytes', b'12345678'),
        ):
            self.assertRaises(
                ValueError, keys('sha', protocol).decrypt, data, 1, 1, salt
            )


class DigestTest(base.BaseTestCase):
    @hypothesis.settings(max_examples=30, deadline=None)
    @hypothesis.given(auth_protocols, strategies.binary(max_size=300))
    def test_pysnmp_verifies_the_digest(self, protocol, body):
        own = keys(protocol)
        head = b'header'
        message = own.sign(head + bytes(own.digest_length) + body, len(head))
        auth = service.SnmpUSMSecurityModel.AUTH_SERVICES[
            engine.AUTH_PROTOCOLS[protocol]
        ]
        key = auth.localize_key(
            auth.hash_passphrase(AUTH), univ.OctetString(ENGINE_ID)
        )
        digest = message[len(head) : len(head) + own.digest_length]

        # pysnmp raises an error if the digest is wrong.
        auth.authenticate_incoming_message(
            key, univ.OctetString(digest), message
        )
        own.verify(message, len(head))
