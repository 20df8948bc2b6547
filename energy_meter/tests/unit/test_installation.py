# SPDX-License-Identifier: Apache-2.0

"""The files in etc/ match each other and the package."""

import configparser
import pathlib

from oslotest import base

import energy_meter

CHECKOUT = pathlib.Path(energy_meter.__file__).parents[1]
ETC = CHECKOUT / 'etc'

#: Commands of the virtual environment that other packages install.
FOREIGN = {'uwsgi'}

#: Directory of generated samples.
GENERATED = ETC / 'energy_meter'

SERVICES = {'agent', 'api', 'collector', 'forwarder', 'rrd'}
#: Units that a timer starts.
TIMERS = {'gnocchi'}


def read(path: pathlib.Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read(path)
    return parser


def units() -> dict[str, configparser.RawConfigParser]:
    return {
        path.name: read(path) for path in (ETC / 'systemd').glob('*.service')
    }


def scripts() -> set[str]:
    """Return the names of the console scripts."""
    entries = read(CHECKOUT / 'setup.cfg')['options.entry_points']
    return {
        line.partition('=')[0].strip()
        for line in entries['console_scripts'].split('\n')
        if line
    }


class InstallationTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        setup = read(CHECKOUT / 'setup.cfg')
        #: Installed files, by their path in the environment.
        self.installed = {
            f'{place}/{path.name}': path
            for place, patterns in setup['options.data_files'].items()
            for pattern in patterns.split()
            for path in CHECKOUT.glob(pattern)
        }

    def test_each_service_has_a_unit(self):
        self.assertEqual(
            {f'energy-meter-{name}.service' for name in (*SERVICES, *TIMERS)},
            set(units()),
        )

    def test_each_timer_starts_a_unit(self):
        for timer in (ETC / 'systemd').glob('*.timer'):
            self.assertIn(f'{timer.stem}.service', units())

    def test_units_start_what_the_package_installs(self):
        for name, unit in units().items():
            command, *arguments = unit['Service']['ExecStart'].split()
            directory, _, program = command.rpartition('/')
            self.assertEqual('/opt/energy_meter/bin', directory, name)
            self.assertIn(program, scripts() | FOREIGN, name)
            for argument in arguments:
                if argument.startswith('/opt/energy_meter/'):
                    self.assertIn(
                        argument.removeprefix('/opt/energy_meter/'),
                        self.installed,
                        name,
                    )

    def test_services_run_as_the_created_account(self):
        account = (ETC / 'sysusers.d/energy_meter.conf').read_text().split()[1]

        for name, unit in units().items():
            self.assertEqual(account, unit['Service']['User'], name)

    def test_each_command_has_a_completion(self):
        directory = ETC / 'bash-completion'

        self.assertEqual(
            scripts(), {path.name for path in directory.iterdir()}
        )
        for path in directory.iterdir():
            self.assertIn(
                f'/bin/{path.name}" --shell_completion bash',
                path.read_text(),
            )

    def test_all_files_for_operators_are_installed(self):
        files = {
            path
            for path in ETC.rglob('*')
            if path.is_file() and GENERATED not in path.parents
        }

        self.assertEqual(set(), files - {*self.installed.values()})
