# SPDX-License-Identifier: Apache-2.0

"""Dependencies between areas of the package, and license headers."""

import ast
import collections.abc
import graphlib
import pathlib
import sys

from oslotest import base

import energy_meter

ROOT = pathlib.Path(energy_meter.__file__).parent

#: Areas that do not depend on wattmeters, buses and databases.
BASICS = {
    'accumulator',
    'attempt',
    'baseline',
    'conf',
    'counter_accumulator',
    'cpu_usage',
    'exception',
    'garbage',
    'log_throttle',
    'measurement',
    'power_integrator',
    'register',
    'signing',
    'telemetry',
}

#: For each area, a module or package directly below energy_meter, the other
#: areas that it may import. No area imports one that is missing here.
MAY_IMPORT: dict[str, set[str]] = {
    'accumulator': {
        'counter_accumulator',
        'measurement',
        'power_integrator',
    },
    'attempt': set(),
    'baseline': {'measurement'},
    'counter_accumulator': {'baseline', 'measurement', 'power_integrator'},
    'cpu_usage': set(),
    'exception': set(),
    'garbage': set(),
    'hangup': set(),
    'launch': {'cmd', 'hangup'},
    'measurement': {'cpu_usage'},
    'log_throttle': set(),
    'power_integrator': {'measurement'},
    'no_eventlet': set(),
    'policies': set(),
    'totals': set(),
    'signing': {'exception'},
    'register': {'accumulator', 'cpu_usage', 'measurement'},
    'conf': {'exception', 'measurement'},
    # Metrics are served by the HTTP server of the API and the pages.
    'telemetry': {'conf', 'exception', 'web'},
    # A driver can be tested and packaged separately.
    'drivers': {
        'attempt',
        'cpu_usage',
        'exception',
        'log_throttle',
        'measurement',
    },
    'clients': {'exception'},
    # The plugin runs inside openstackclient.
    'osc': {'clients', 'exception'},
    # Pollsters run inside a daemon of Ceilometer.
    'pollsters': {'clients', 'exception'},
    # The collector runs inside a daemon of CloudKitty.
    'rating': {'clients', 'exception'},
    'billing': {'cpu_usage', 'exception', 'measurement'},
    'db': {'billing', 'cpu_usage', 'exception', 'measurement', 'totals'},
    'web': {'exception', 'log_throttle', 'policies'},
    'bus': BASICS,
    'agent': BASICS | {'bus', 'drivers'},
    'collector': BASICS | {'billing', 'bus', 'db'},
    'forwarder': BASICS | {'bus'},
    'rrd': BASICS | {'billing', 'bus', 'clients', 'policies', 'totals', 'web'},
    'api': BASICS | {'billing', 'db', 'policies', 'totals', 'web'},
    'status': BASICS | {'billing', 'bus', 'clients', 'db'},
    'discover': BASICS | {'agent', 'drivers'},
    'inventory': BASICS | {'agent', 'clients', 'discover', 'drivers'},
    'wsgi': {'api', 'conf', 'garbage', 'no_eventlet', 'rrd'},
    'cmd': BASICS
    | {
        'agent',
        'api',
        'billing',
        'bus',
        'clients',
        'collector',
        'db',
        'discover',
        'drivers',
        'forwarder',
        'hangup',
        'inventory',
        'no_eventlet',
        'rrd',
        'status',
    },
}

#: The same for the sub-packages of rrd. A process that only reads must not
#: depend on code that writes.
RRD_MAY_IMPORT: dict[str, set[str]] = {
    'files': set(),
    'writing': {'files'},
    'reading': {'files'},
    'graphs': {'files', 'reading'},
    'energy': {'reading'},
    'pages': {'energy', 'graphs', 'reading'},
}


def modules() -> dict[str, ast.Module]:
    """Return the parsed modules by dotted name, without tests."""
    trees = {}
    for path in sorted(ROOT.rglob('*.py')):
        parts = path.relative_to(ROOT).with_suffix('').parts
        if parts[0] != 'tests':
            trees['.'.join(parts)] = ast.parse(path.read_text())
    return trees


def imports(module: ast.Module) -> collections.abc.Iterator[str]:
    """Yield the imports of a module, including those in functions."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = '.' * node.level + (node.module or '')
            yield from (f'{origin}.{alias.name}' for alias in node.names)


def own_imports(module: ast.Module) -> list[str]:
    """Return the imports from this package, without its name."""
    return [
        name.removeprefix('energy_meter.')
        for name in imports(module)
        if name.startswith('energy_meter.')
    ]


def area(name: str) -> str:
    return name.partition('.')[0]


def sub_package(name: str) -> str:
    return area(name.partition('.')[2])


class ImportsTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.modules = modules()

    def test_each_area_imports_only_allowed_areas(self):
        violations = [
            f'{name} imports {other}'
            for name, module in self.modules.items()
            for other in own_imports(module)
            if area(other) not in {area(name), *MAY_IMPORT.get(area(name), ())}
        ]
        self.assertEqual([], violations)

    def test_table_is_complete(self):
        self.assertEqual(
            set(MAY_IMPORT),
            {area(name) for name in self.modules} - {'__init__'},
        )

    def test_table_has_no_cycles(self):
        # Raises CycleError otherwise.
        graphlib.TopologicalSorter(MAY_IMPORT).prepare()

    def test_modules_have_no_import_cycles(self):
        packages = {
            name.removesuffix('.__init__'): set(own_imports(module))
            for name, module in self.modules.items()
        }
        # Raises CycleError otherwise.
        graphlib.TopologicalSorter(packages).prepare()

    def test_openstackclient_plugin_has_few_dependencies(self):
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

    def test_agent_does_not_import_drivers(self):
        # Drivers are loaded through entry points.
        self.assertEqual(
            {'drivers.base'},
            {
                other
                for name, module in self.modules.items()
                if area(name) == 'agent'
                for other in own_imports(module)
                if area(other) == 'drivers'
            },
        )

    def test_sub_packages_of_rrd_import_only_allowed_ones(self):
        violations = [
            f'{name} imports {other}'
            for name, module in self.modules.items()
            if area(name) == 'rrd' and name.count('.') == 2
            for other in imports(module)
            if other.startswith('energy_meter.rrd.')
            and other.split('.')[2]
            not in {sub_package(name), *RRD_MAY_IMPORT[sub_package(name)]}
        ]
        self.assertEqual([], violations)

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

    def test_energy_rules_use_no_clock_and_no_database(self):
        for name in (
            'accumulator',
            'baseline',
            'counter_accumulator',
            'power_integrator',
            'register',
            *(name for name in self.modules if name.startswith('billing.')),
        ):
            self.assertEqual(
                set(),
                {area(other) for other in imports(self.modules[name])}
                & {'time', 'datetime', 'threading', 'sqlalchemy', 'logging'},
                name,
            )


class LicenseTest(base.BaseTestCase):
    def test_every_module_starts_with_the_license(self):
        self.assertEqual(
            [],
            [
                str(path.relative_to(ROOT))
                for path in sorted(ROOT.rglob('*.py'))
                if path.stat().st_size
                and not path.read_text().startswith(
                    '# SPDX-License-Identifier: Apache-2.0\n'
                )
            ],
        )
