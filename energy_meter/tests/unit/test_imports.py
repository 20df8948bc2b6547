# SPDX-License-Identifier: Apache-2.0


"""Who imports whom, and what stands above every module."""

import ast
import collections.abc
import graphlib
import pathlib
import sys

from oslotest import base

import energy_meter

ROOT = pathlib.Path(energy_meter.__file__).parent

#: What knows nothing of wattmeters, buses and databases.
BASICS = {
    'complaint',
    'conf',
    'counters',
    'exception',
    'measurement',
    'register',
    'signing',
}

#: By area, a module or package right below energy_meter, the other areas
#: that it may import. Whoever isn't named here is imported by nobody.
MAY_IMPORT: dict[str, set[str]] = {
    'exception': set(),
    'measurement': set(),
    'complaint': set(),
    'counters': set(),
    'threads': set(),
    'report': set(),
    'policies': set(),
    'signing': {'exception'},
    'register': {'measurement'},
    'conf': {'exception', 'measurement'},
    'metrics': {'conf', 'counters', 'exception'},
    # A driver is tested, and can be packaged, alone.
    'drivers': {'complaint', 'exception', 'measurement'},
    'client': {'exception'},
    'keystone': {'client', 'exception'},
    'gnocchi': {'exception'},
    # It runs inside openstackclient.
    'osc': {'client', 'exception'},
    # They run inside another daemon.
    'pollsters': {'client', 'exception'},
    'db': {'exception'},
    'web': {'exception', 'policies'},
    'bus': BASICS,
    'agent': BASICS | {'bus', 'drivers'},
    'collector': BASICS | {'bus', 'db'},
    'forwarder': BASICS | {'bus'},
    'rrd': BASICS | {'bus', 'policies', 'web'},
    'api': BASICS | {'db', 'policies', 'web'},
    'status': BASICS | {'bus', 'client', 'db'},
    'discover': BASICS | {'agent', 'drivers'},
    'wsgi': {'api', 'conf', 'rrd', 'threads'},
    'cmd': BASICS
    | {
        'agent',
        'api',
        'collector',
        'db',
        'discover',
        'drivers',
        'forwarder',
        'gnocchi',
        'keystone',
        'metrics',
        'report',
        'rrd',
        'status',
        'threads',
    },
}


def modules() -> dict[str, ast.Module]:
    """Parse the modules of the package but its tests, by dotted name."""
    found = {}
    for path in sorted(ROOT.rglob('*.py')):
        parts = path.relative_to(ROOT).with_suffix('').parts
        if parts[0] != 'tests':
            found['.'.join(parts)] = ast.parse(path.read_text())
    return found


def imports(module: ast.Module) -> collections.abc.Iterator[str]:
    """Give what a module imports, inside its functions too."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = '.' * node.level + (node.module or '')
            yield from (f'{origin}.{alias.name}' for alias in node.names)


def ours(module: ast.Module) -> list[str]:
    """Give what a module imports of this package, without its name."""
    return [
        name.removeprefix('energy_meter.')
        for name in imports(module)
        if name.startswith('energy_meter.')
    ]


def area(name: str) -> str:
    return name.partition('.')[0]


class ImportsTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.modules = modules()

    def test_each_area_imports_only_what_it_may(self):
        violations = [
            f'{name} imports {other}'
            for name, module in self.modules.items()
            for other in ours(module)
            if area(other) not in {area(name), *MAY_IMPORT.get(area(name), ())}
        ]
        self.assertEqual([], violations)

    def test_the_table_has_every_area(self):
        self.assertEqual(
            set(MAY_IMPORT),
            {area(name) for name in self.modules} - {'__init__'},
        )

    def test_the_table_has_one_direction(self):
        # Raises CycleError otherwise.
        graphlib.TopologicalSorter(MAY_IMPORT).prepare()

    def test_modules_inside_an_area_have_one_direction(self):
        packages = {
            name.removesuffix('.__init__'): set(ours(module))
            for name, module in self.modules.items()
        }
        # Raises CycleError otherwise.
        graphlib.TopologicalSorter(packages).prepare()

    def test_the_openstackclient_plugin_needs_little_to_start(self):
        self.assertEqual(
            set(),
            {
                area(other)
                for name, module in self.modules.items()
                if area(name) == 'osc'
                for other in imports(module)
            }
            - {*sys.stdlib_module_names, 'cliff', 'energy_meter', 'osc_lib'},
        )

    def test_the_agent_knows_no_driver(self):
        # Drivers come through their entry points.
        self.assertEqual(
            {'drivers.base'},
            {
                other
                for name, module in self.modules.items()
                if area(name) == 'agent'
                for other in ours(module)
                if area(other) == 'drivers'
            },
        )

    def test_imports_are_absolute(self):
        self.assertEqual(
            [],
            [
                f'{name} imports {other}'
                for name, module in self.modules.items()
                for other in imports(module)
                if other.startswith('.')
            ],
        )

    def test_the_rules_of_energy_know_no_clock_and_no_database(self):
        for name in ('register', 'collector.merge'):
            self.assertEqual(
                set(),
                {area(other) for other in imports(self.modules[name])}
                & {'time', 'datetime', 'threading', 'sqlalchemy', 'logging'},
                name,
            )


class LicenceTest(base.BaseTestCase):
    def test_every_module_begins_with_the_licence(self):
        self.assertEqual(
            [],
            [
                str(path.relative_to(ROOT))
                for path in sorted(ROOT.rglob('*.py'))
                if path.stat().st_size
                and not path.read_text().startswith(
                    '# Licensed under the Apache License, Version 2.0'
                )
            ],
        )
