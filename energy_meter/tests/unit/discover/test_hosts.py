# SPDX-License-Identifier: Apache-2.0

"""Tests of networks, ranges and files of devices."""

import ipaddress
import pathlib

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.discover import hosts

ADDRESSES = strategies.integers(2**24, 2**32 - 1)


class ExpandTest(base.BaseTestCase):
    def expand(self, text: str) -> list[str]:
        return [host.address for host in hosts.expand(text)]

    def test_addresses_of_networks_and_ranges_are_listed(self):
        for text, expected in (
            ('192.0.2.0/30', ['192.0.2.1', '192.0.2.2']),
            ('192.0.2.1/30', ['192.0.2.1', '192.0.2.2']),
            ('192.0.2.7/32', ['192.0.2.7']),
            ('192.0.2.9-11', ['192.0.2.9', '192.0.2.10', '192.0.2.11']),
            ('192.0.2.255-192.0.3.0', ['192.0.2.255', '192.0.3.0']),
            ('192.0.2.0/31:1161', ['192.0.2.0:1161', '192.0.2.1:1161']),
            (
                '[2001:db8::/127]:623',
                ['[2001:db8::]:623', '[2001:db8::1]:623'],
            ),
            ('2001:db8::9-2001:db8::a', ['2001:db8::9', '2001:db8::a']),
            ('bmc-{08..10}:623', ['bmc-08:623', 'bmc-09:623', 'bmc-10:623']),
            (
                'https://{a,b}.example',
                ['https://a.example', 'https://b.example'],
            ),
            ('192.0.{2,3}.0/32', ['192.0.2.0', '192.0.3.0']),
        ):
            self.assertEqual(expected, self.expand(text), text)

    def test_single_addresses_stay_as_they_are(self):
        for text in (
            'bmc7',
            'bmc-7',
            '192.0.2.1:1161',
            '[2001:db8::1]:623',
            'https://192.0.2.1/redfish',
        ):
            self.assertEqual([text], self.expand(text))

    def test_invalid_text_is_refused(self):
        for text in (
            '',
            'bmc7:0',
            'bmc7/24',
            '192.0.2.0/33',
            '192.0.2.9-8',
            '192.0.2.9-256',
            '192.0.2.9-2001:db8::1',
            '@/nonexistent',
            'bmc-{1-3}',
            'rack{1..2}-bmc{1..2}',
        ):
            self.assertRaises(ValueError, hosts.expand, text)

    def test_huge_network_is_refused_at_once(self):
        for text in ('10.0.0.0/8', '2001:db8::/32', '10.0.0.0-10.255.255.255'):
            error = self.assertRaises(ValueError, hosts.expand, text)
            self.assertIn('expected 1 to 65,536 addresses', str(error))

    def test_huge_range_of_networks_is_refused(self):
        error = self.assertRaises(
            ValueError, hosts.expand, '10.{0..255}.0.0/16'
        )

        self.assertIn('more than 65,536 addresses', str(error))

    @hypothesis.given(ADDRESSES, strategies.integers(0, 300))
    def test_summary_of_a_range_names_its_ends(self, first, more):
        hypothesis.assume(first + more < 2**32)
        ends = [
            str(ipaddress.ip_address(each)) for each in (first, first + more)
        ]
        text = '-'.join(dict.fromkeys(ends))

        addresses = self.expand(text)

        self.assertEqual(more + 1, len(addresses))
        self.assertEqual(text, hosts.summarize(addresses))


class HostsFileTest(base.BaseTestCase):
    def expand(self, text: str) -> list[hosts.Host]:
        self.path = pathlib.Path(
            self.useFixture(fixtures.TempDir()).join('hosts')
        )
        self.path.write_text(text)
        return hosts.expand(f'@{self.path}')

    def test_lines_have_addresses_and_names(self):
        found = self.expand(
            '# Rack 1\n\n192.0.2.1  node-01 # new\nbmc2\n192.0.2.8/31\n'
        )

        self.assertEqual(
            [
                ('192.0.2.1', 'node-01'),
                ('bmc2', ''),
                ('192.0.2.8', ''),
                ('192.0.2.9', ''),
            ],
            found,
        )

    def test_names_may_contain_a_range(self):
        found = self.expand(
            '192.0.2.9-10 node-{09..10}\npdu-{a,b}.example pdu-{1..2}\n'
        )

        self.assertEqual(
            [
                ('192.0.2.9', 'node-09'),
                ('192.0.2.10', 'node-10'),
                ('pdu-a.example', 'pdu-1'),
                ('pdu-b.example', 'pdu-2'),
            ],
            found,
        )

    def test_error_names_file_and_line(self):
        for line, reason in (
            ('bmc2:x', 'bmc2:x: '),
            ('bmc2 node-02 rack-1', 'expected an address and a name'),
            ('192.0.2.8/31 node', '192.0.2.8/31: 2 addresses for one name'),
            (
                '192.0.2.8-9 node-{1..3}',
                '192.0.2.8-9: 2 addresses for 3 names',
            ),
            ('bmc2 node\nbmc3 node', 'node is also another device'),
        ):
            error = self.assertRaises(ValueError, self.expand, f'bmc1\n{line}')
            number = line.count('\n') + 2
            self.assertIn(f'{self.path}:{number}: {reason}', str(error))
