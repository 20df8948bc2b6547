# SPDX-License-Identifier: Apache-2.0

"""Tests of inventories in CSV files."""

import csv
import io

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter.inventory import csv_file

CELLS = strategies.text(
    strategies.sampled_from('ab ,;"\'#')
    | strategies.characters(codec='ascii'),
    max_size=9,
).map(lambda text: ''.join(filter(str.isprintable, text)).strip())


class CSVTest(base.BaseTestCase):
    def read(self, text: str):
        return csv_file.read(io.StringIO(text), 'servers.csv').devices

    def error(self, text: str) -> str:
        return str(
            self.assertRaises(exception.ConfigurationError, self.read, text)
        )

    def test_columns_are_options(self):
        (node, pdu) = self.read(
            'name,driver,host,username\n'
            'node-01,ipmi,192.0.2.1,meter\n'
            'pdu-a,snmp,192.0.2.2,\n'
        )

        self.assertEqual('node-01', node.name)
        self.assertEqual(
            {'driver': 'ipmi', 'host': '192.0.2.1', 'username': 'meter'},
            node.options,
        )
        self.assertEqual('servers.csv:2', node.origin)
        self.assertEqual({'driver': 'snmp', 'host': '192.0.2.2'}, pdu.options)

    def test_spreadsheets_with_semicolons_and_byte_order_mark_are_read(self):
        (node,) = self.read('\ufeffname; host\r\nnode-01; 192.0.2.1\r\n')

        self.assertEqual(('node-01', {'host': '192.0.2.1'}), node[:2])

    def test_comments_and_empty_lines_count_as_lines(self):
        (node,) = self.read('# Rack 1\nname,host\n\n# old\nnode-01,bmc1\n')

        self.assertEqual('servers.csv:5', node.origin)

    def test_mistakes_are_named_with_their_line(self):
        for text, reason in (
            ('', '1: has no line with the names of the columns'),
            ('host\n', '1: has no column name; the columns are host'),
            ('name,host,host\n', "1: column 'host' is empty or not unique"),
            ('name,host\na,b,c\n', '2: has 3 cells for 2 columns'),
            ('name,host\n,b\n', '2: has no name'),
        ):
            self.assertIn(f'servers.csv:{reason}', self.error(text))

    @hypothesis.given(strategies.lists(CELLS, min_size=1, max_size=4))
    def test_quoted_cells_read_back(self, cells):
        columns = [f'option{number}' for number in range(len(cells))]
        stream = io.StringIO()
        writer = csv.writer(stream)
        writer.writerows([['name', *columns], ['node', *cells]])

        (node,) = self.read(stream.getvalue())

        self.assertEqual(
            {
                column: cell
                for column, cell in zip(columns, cells, strict=True)
                if cell
            },
            node.options,
        )
