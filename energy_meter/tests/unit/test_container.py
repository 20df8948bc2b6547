# SPDX-License-Identifier: Apache-2.0

"""The image and its compose files match the package and its units."""

import importlib
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import typing
from wsgiref import simple_server

from oslo_config import cfg
from oslotest import base
import yaml

from energy_meter import conf as energy_meter_conf
from energy_meter.tests.unit import test_installation
from energy_meter.tests.unit.cmd import base as cmd_base

CONTAINER = test_installation.ETC / 'container'
CONFIGURATION = CONTAINER / 'energy_meter'
PAGE = test_installation.CHECKOUT / 'doc/source/install/container.rst'

#: Stands for each command of the package: prints how it was called.
COMMAND = '#!/bin/sh\necho "${0##*/}" "$(umask)" "$@"\n'
#: Word that an operator replaces by a password.
PLACEHOLDER = re.compile(r'[A-Z]+_PASSWORD|SECRET')


def compose(name: str) -> dict[str, dict[str, typing.Any]]:
    """Return the services of a compose file that run our image."""
    text = (CONTAINER / f'{name}.yaml').read_text()
    return {
        service: settings
        for service, settings in yaml.safe_load(text)['services'].items()
        if 'energy-meter' in settings['image']
    }


def commands() -> set[str]:
    """Return the names by which the entry point runs the commands."""
    return {
        name.removeprefix('energy-meter-')
        for name in test_installation.scripts()
    }


class EntryPointTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bin = pathlib.Path(self.create_tempfiles([('f', '')])[0]).parent
        for name in test_installation.scripts():
            (self.bin / name).write_text(COMMAND)
            (self.bin / name).chmod(0o755)
        shutil.copy(CONTAINER / 'energy-meter', self.bin)

    def run_entry_point(
        self, *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.bin / 'energy-meter', *arguments],
            timeout=60,
            capture_output=True,
            text=True,
        )

    def test_each_command_is_run_with_its_options(self):
        for name in commands():
            self.assertEqual(
                f'energy-meter-{name} 0027 --option two words\n',
                self.run_entry_point(name, '--option', 'two words').stdout,
            )

    def test_help_lists_exactly_the_commands(self):
        output = self.run_entry_point('--help').stdout

        self.assertEqual(
            commands(), set(re.findall('^  (.+)$', output, re.MULTILINE))
        )

    def test_anything_else_is_refused(self):
        for name in ('', 'nothing', '../agent', '-c', 'agent;id'):
            result = self.run_entry_point(name)

            self.assertEqual((2, ''), (result.returncode, result.stdout), name)
            self.assertIn('usage: energy-meter COMMAND', result.stderr, name)


class QuietHandler(simple_server.WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class HealthCheckTest(base.BaseTestCase):
    def check(self, port: int, path: str) -> int:
        return subprocess.run(
            [sys.executable, CONTAINER / 'healthcheck', str(port), path],
            timeout=60,
            capture_output=True,
        ).returncode

    def test_service_is_healthy_while_it_answers_with_success(self):
        def application(environ, start_response):
            is_found = environ['PATH_INFO'] == '/healthcheck'
            start_response('200 OK' if is_found else '404 Not Found', [])
            return [b'']

        server = simple_server.make_server(
            '127.0.0.1', 0, application, handler_class=QuietHandler
        )
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        found = self.check(server.server_port, '/healthcheck')
        missing = self.check(server.server_port, '/nothing')
        server.shutdown()
        thread.join()
        server.server_close()
        closed = self.check(server.server_port, '/healthcheck')

        self.assertEqual((0, 1, 1), (found, missing, closed))


class ImageTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.text = (CONTAINER / 'Containerfile').read_text()

    def found(self, pattern: str) -> list[str]:
        return re.findall(pattern, self.text)

    def test_extras_of_the_image_exist(self):
        setup = test_installation.read(
            test_installation.CHECKOUT / 'setup.cfg'
        )
        [extras] = self.found(r'\$wheel\[(.+)\]')

        self.assertLessEqual(
            {*extras.split(',')}, {*setup['options.extras_require']}
        )

    def test_image_runs_as_the_user_it_creates(self):
        [uid] = self.found(r'useradd --uid (\d+)')

        self.assertEqual([f'{uid}:{uid}'], self.found(r'\nUSER (.+)\n'))

    def test_image_contains_its_scripts(self):
        for name in ('energy-meter', 'healthcheck'):
            self.assertIn(f'/share/energy_meter/container/{name} ', self.text)
        [entry_point] = self.found(r'\nENTRYPOINT \["(.+)"\]')
        self.assertEqual('/opt/energy_meter/bin/energy-meter', entry_point)


class ComposeTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.services = {**compose('compose'), **compose('standalone')}

    def test_all_services_are_in_the_full_set_except_the_forwarder(self):
        expected = test_installation.SERVICES - {'forwarder'}

        self.assertEqual({*expected, 'database-sync'}, set(compose('compose')))

    def test_each_service_runs_a_command(self):
        for name, service in self.services.items():
            self.assertIn(service['command'][0], commands(), name)

    def test_each_service_is_confined(self):
        for name, service in self.services.items():
            self.assertTrue(service['read_only'], name)
            self.assertEqual(['ALL'], service['cap_drop'], name)
            self.assertEqual(
                ['no-new-privileges:true'], service['security_opt'], name
            )
            self.assertNotIn('user', service, name)
            self.assertNotIn('privileged', service, name)
            self.assertNotIn('environment', service, name)

    def test_ports_are_on_the_loopback_interface(self):
        for name, service in self.services.items():
            for port in service.get('ports', ()):
                self.assertTrue(port.startswith('127.0.0.1:'), name)

    def test_limits_are_those_of_the_units(self):
        directory = test_installation.ETC / 'systemd'
        drop_ins = {
            'agent': 'energy-meter-agent.service.d/wattmeters.conf',
            'collector': 'energy-meter-.service.d/hardening.conf',
        }
        for name, path in drop_ins.items():
            unit = test_installation.read(directory / path)['Service']

            self.assertEqual(
                (int(unit['TasksMax']), int(unit['LimitNOFILE'])),
                (
                    self.services[name]['pids_limit'],
                    self.services[name]['ulimits']['nofile'],
                ),
                name,
            )

    def test_services_that_keep_data_have_a_volume(self):
        kept = {
            name
            for name, service in self.services.items()
            if any(
                volume.endswith(':/var/lib/energy_meter')
                for volume in service['volumes']
            )
        }

        self.assertEqual({'agent', 'rrd', 'standalone'}, kept)

    def test_health_checks_ask_for_what_the_services_serve(self):
        conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(conf)
        conf(['--config-dir', str(CONFIGURATION)])
        metrics = ['CMD', 'healthcheck', str(conf.metrics.port), '/metrics']
        api = ['CMD', 'healthcheck', str(conf.api.port), '/healthcheck']
        pages = ['CMD', 'healthcheck', str(conf.rrd.port), '/healthcheck']

        self.assertEqual(
            {
                'agent': metrics,
                'api': api,
                'collector': metrics,
                'rrd': pages,
                'standalone': api,
            },
            {
                name: service['healthcheck']['test']
                for name, service in self.services.items()
                if 'healthcheck' in service
            },
        )


class ConfigurationTest(cmd_base.CommandTest):
    def test_mounted_configuration_passes_the_check_of_each_service(self):
        self.write((CONFIGURATION / 'energy_meter.conf').read_text())
        for service in compose('compose').values():
            name, *arguments = service['command']
            if arguments:
                continue
            module = importlib.import_module(f'energy_meter.cmd.{name}')
            own = CONFIGURATION / f'energy-meter-{name}.conf'
            files = ['--config-file', str(own)] if own.exists() else []

            result = self.run_command(module.main, *files, '--check')

            self.assertEqual(0, result.code, f'{name}: {result.error}')
            self.assertIn('0 errors', result.output, name)

    def test_page_replaces_all_placeholders(self):
        page = PAGE.read_text()
        [words] = re.findall('for word in (.+); do', page)
        [files] = re.findall(r'sed --in-place .+\\\n +(.+)\n', page)

        expected = {
            (str(path.relative_to(CONTAINER)), word)
            for path in CONTAINER.rglob('*')
            if path.is_file() and path.suffix != '.yaml'
            for word in PLACEHOLDER.findall(path.read_text())
        }

        self.assertEqual({path for path, _ in expected}, {*files.split()})
        self.assertEqual({word for _, word in expected}, {*words.split()})
