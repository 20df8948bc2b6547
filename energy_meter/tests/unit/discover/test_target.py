# SPDX-License-Identifier: Apache-2.0

from oslotest import base

from energy_meter.discover import target


class TargetTest(base.BaseTestCase):
    def test_what_it_understands(self):
        for text, host, port in (
            ('bmc7', 'bmc7', None),
            ('192.0.2.1:1161', '192.0.2.1', 1161),
            ('[2001:db8::1]:623', '2001:db8::1', 623),
            ('2001:db8::1', '2001:db8::1', None),
        ):
            self.assertEqual((host, port), target.Target.parse(text))

    def test_what_it_does_not_understand(self):
        for text in ('', 'bmc7:', 'bmc7:0', 'bmc7:70000', 'bmc7:x'):
            self.assertRaises(ValueError, target.Target.parse, text)

    def test_it_is_shown_as_it_was_given(self):
        for text in ('bmc7', '192.0.2.1:1161', '[2001:db8::1]:623'):
            self.assertEqual(text, str(target.Target.parse(text)))

    def test_a_name(self):
        self.assertEqual(
            'pdu-192.0.2.1-1161',
            target.Target.parse('192.0.2.1:1161').name('pdu'),
        )
