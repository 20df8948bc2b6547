# SPDX-License-Identifier: Apache-2.0


"""Tests of the encoding of PDUs, against that of pysnmp."""

import hypothesis
from hypothesis import strategies
from oslotest import base
from pyasn1.codec.ber import decoder
from pyasn1.codec.ber import encoder
from pysnmp.proto import rfc1902
from pysnmp.proto import rfc1905
from pysnmp.proto.api import v2c

from energy_meter.drivers.common import bounds
from energy_meter.drivers.snmp import ber

oids = strategies.tuples(
    strategies.just(1),
    strategies.integers(0, 39),
    strategies.integers(0, 2**32 - 1),
    strategies.integers(0, 2**32 - 1),
)

#: Values as pysnmp's types, and as the driver's.
values = strategies.one_of(
    strategies.integers(-(2**31), 2**31 - 1).map(
        lambda number: (rfc1902.Integer32(number), number)
    ),
    strategies.integers(0, 2**32 - 1).flatmap(
        lambda number: strategies.sampled_from(
            [
                (type_(number), number)
                for type_ in (
                    rfc1902.Counter32,
                    rfc1902.Gauge32,
                    rfc1902.TimeTicks,
                )
            ]
        )
    ),
    strategies.integers(0, 2**64 - 1).map(
        lambda number: (rfc1902.Counter64(number), number)
    ),
    strategies.binary(max_size=300).map(
        lambda text: (rfc1902.OctetString(text), text)
    ),
    strategies.just((rfc1902.IpAddress('192.0.2.1'), b'\xc0\0\x02\x01')),
    oids.map(lambda oid: (rfc1902.ObjectIdentifier(oid), oid)),
    strategies.sampled_from(
        [
            (value, None)
            for value in (
                rfc1905.noSuchObject,
                rfc1905.noSuchInstance,
                rfc1905.endOfMibView,
            )
        ]
    ),
)


def response(varbinds, request_id=7, status=0, index=0):
    """Return a response as pysnmp encodes it."""
    pdu = v2c.ResponsePDU()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, request_id)
    v2c.apiPDU.set_error_status(pdu, status)
    v2c.apiPDU.set_error_index(pdu, index)
    v2c.apiPDU.set_varbinds(pdu, varbinds)
    return encoder.encode(pdu)


class ResponseTest(base.BaseTestCase):
    @hypothesis.given(
        strategies.lists(strategies.tuples(oids, values), max_size=40),
        strategies.integers(0, 2**31 - 1),
    )
    def test_response_of_pysnmp_is_decoded(self, varbinds, request_id):
        data = response(
            [(oid, value) for oid, (value, _) in varbinds], request_id
        )

        pdu = ber.decode_pdu(data, 0)

        self.assertEqual((ber.RESPONSE, request_id), (pdu.tag, pdu.request_id))
        self.assertEqual(
            [(oid, expected) for oid, (_, expected) in varbinds], pdu.varbinds
        )

    def test_error_is_decoded(self):
        pdu = ber.decode_pdu(response([], status=5, index=2), 0)

        self.assertEqual((5, 2, []), (pdu.status, pdu.index, pdu.varbinds))

    def test_long_text_is_cut(self):
        data = response([((1, 3), rfc1902.OctetString(b'x' * 60_000))])

        ((_, text),) = ber.decode_pdu(data, 0).varbinds

        self.assertEqual(b'x' * bounds.MAX_SNMP_TEXT_BYTES, text)

    def test_longest_object_identifier_is_decoded(self):
        longest = (1, 3, *[2**32 - 1] * 126)
        data = response([(longest, rfc1902.Integer32(7))])

        self.assertEqual([(longest, 7)], ber.decode_pdu(data, 0).varbinds)

    def test_object_identifier_that_is_too_long_is_rejected(self):
        data = response([((1, 3, *[2**32 - 1] * 130), rfc1902.Integer32(7))])

        self.assertRaises(ValueError, ber.decode_pdu, data, 0)

    def test_unsigned_number_without_leading_zero_is_positive(self):
        # Given a device that sends 2^32 - 1 in four bytes,
        data = response([((1, 3), rfc1902.Gauge32(2**32 - 1))])
        data = data.replace(
            bytes.fromhex('42 05 00 ffffffff'), bytes.fromhex('42 04 ffffffff')
        )
        for position in (1, 12, 14):
            data = (
                data[:position]
                + bytes((data[position] - 1,))
                + data[position + 1 :]
            )

        # then the number is not -1.
        self.assertEqual(
            [((1, 3), 2**32 - 1)], ber.decode_pdu(data, 0).varbinds
        )

    @hypothesis.given(strategies.data())
    def test_truncated_response_is_rejected(self, data):
        whole = response(
            [((1, 3, number), rfc1902.Integer32(7)) for number in range(20)]
        )
        length = data.draw(strategies.integers(0, len(whole) - 1))

        self.assertRaises(
            (ValueError, IndexError), ber.decode_pdu, whole[:length], 0
        )

    @hypothesis.given(
        strategies.binary(max_size=100), strategies.integers(0, 60)
    )
    def test_other_bytes_are_decoded_or_rejected(self, noise, position):
        whole = response([((1, 3, 6), rfc1902.OctetString(b'text'))] * 3)

        try:
            ber.decode_pdu(whole[:position] + noise + whole[position:], 0)
        except (ValueError, IndexError):
            pass


class RequestTest(base.BaseTestCase):
    @hypothesis.given(
        strategies.lists(oids, max_size=41),
        strategies.integers(0, 2**31 - 1),
        strategies.integers(0, 2**31 - 1),
        strategies.integers(0, 40),
    )
    def test_bulk_request_is_decoded_by_pysnmp(
        self, names, request_id, repetitions, scalars
    ):
        hypothesis.assume(repetitions != 1)

        pdu, rest = decoder.decode(
            ber.encode_request(request_id, names, repetitions, scalars),
            asn1Spec=v2c.GetBulkRequestPDU(),
        )

        self.assertEqual(b'', rest)
        self.assertEqual(request_id, v2c.apiBulkPDU.get_request_id(pdu))
        self.assertEqual(
            (scalars, repetitions),
            (
                v2c.apiBulkPDU.get_non_repeaters(pdu),
                v2c.apiBulkPDU.get_max_repetitions(pdu),
            ),
        )
        self.assertEqual(
            names,
            [oid.asTuple() for oid, _ in v2c.apiBulkPDU.get_varbinds(pdu)],
        )

    @hypothesis.given(strategies.lists(oids, max_size=41))
    def test_get_and_next_requests_are_decoded_by_pysnmp(self, names):
        for repetitions, spec in (
            (None, v2c.GetRequestPDU()),
            (1, v2c.GetNextRequestPDU()),
        ):
            pdu, _ = decoder.decode(
                ber.encode_request(7, names, repetitions), asn1Spec=spec
            )

            self.assertEqual(
                names,
                [oid.asTuple() for oid, _ in v2c.apiPDU.get_varbinds(pdu)],
            )
