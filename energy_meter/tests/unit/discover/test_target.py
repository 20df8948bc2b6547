# SPDX-License-Identifier: Apache-2.0

"""Tests of network addresses."""

from oslotest import base

from energy_meter.discover import target


class TargetTest(base.BaseTestCase):
    def test_addresses_are_parsed(self):
        for text, host, port in (
            ('bmc7', 'bmc7', None),
            ('192.0.2.1:1161', '192.0.2.1', 1161),
            ('[2001:db8::1]:623', '2001:db8::1', 623),
            ('2001:db8::1', '2001:db8::1', None),
        ):
            self.assertEqual(
                target.Target(host, port), target.Target.parse(text)
            )

    def test_invalid_address_is_rejected(self):
        for text in ('', 'bmc7:', 'bmc7:0', 'bmc7:70000', 'bmc7:x'):
            self.assertRaises(ValueError, target.Target.parse, text)

    def test_string_equals_parsed_text(self):
        for text in ('bmc7', '192.0.2.1:1161', '[2001:db8::1]:623'):
            self.assertEqual(text, str(target.Target.parse(text)))

    def test_name_ends_with_address(self):
        self.assertEqual(
            'pdu-192.0.2.1-1161',
            target.Target.parse('192.0.2.1:1161').make_name('pdu'),
        )

    def test_operators_name_replaces_kind_and_address(self):
        named = target.Target.parse('192.0.2.1', 'rack 1')

        self.assertEqual('rack-1', named.make_name('pdu'))
        self.assertEqual('rack-1-inlets', named.make_name('pdu', 'inlets'))
