# SPDX-License-Identifier: Apache-2.0

"""Tests for starting and running services."""

import errno
import logging
import os
import unittest.mock

import fixtures
from oslo_service import service as oslo_service

from energy_meter import exception
from energy_meter.cmd import service
from energy_meter.tests.unit.cmd import base


class LoadTest(base.CommandTest):
    def load(self) -> base.Result:
        return self.run_command(
            lambda: service.load('energy-meter-test', 'A test.')
        )

    def test_valid_configuration_is_loaded(self):
        self.assertEqual((0, '', ''), self.load())

    def test_missing_file_is_one_line(self):
        (self.directory / 'test.conf').unlink()
        self.assert_rejected(self.load(), 'test.conf')

    def test_ill_typed_option_is_one_line(self):
        self.write('[agent]\nmax_gap = often\n')
        self.assert_rejected(self.load(), '[agent] max_gap')

    def test_unwritable_log_is_one_line(self):
        service.log.setup.side_effect = PermissionError(
            errno.EACCES, 'Permission denied', '/log'
        )
        self.assert_rejected(self.load(), "Permission denied: '/log'")

    def test_invalid_line_is_reported(self):
        self.write('[agent]\nnonsense\n')
        self.assertIn('nonsense', self.load().error)

    def assert_rejected(self, result: base.Result, reason: str) -> None:
        self.assertEqual((1, ''), (result.code, result.output))
        self.assertRegex(result.error, '^energy-meter-test: [^\n]*$')
        self.assertIn(reason, result.error)


class Recorder(oslo_service.ServiceBase):
    """Service that records its method calls."""

    def __init__(self, name: str, record: list[str]) -> None:
        self.name = name
        self.record = record

    def start(self) -> None:
        self.record.append(f'{self.name} start')

    def stop(self) -> None:
        self.record.append(f'{self.name} stop')

    def wait(self) -> None:
        pass

    def reset(self) -> None:
        self.record.append(f'{self.name} reset')


class Exited(Exception):
    """Raised instead of the exit of the process."""


class RunTest(base.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.launched: list[oslo_service.ServiceBase] = []
        for target, name, value in (
            (service.service, 'launch', self.launch),
            (service.guru_meditation, 'install', lambda *_: None),
            (os, '_exit', unittest.mock.Mock(side_effect=Exited)),
            (service.signal, 'signal', unittest.mock.Mock()),
            (service.signal, 'pthread_sigmask', unittest.mock.Mock()),
        ):
            self.useFixture(fixtures.MockPatchObject(target, name, value))
        self.record: list[str] = []

    def launch(
        self, _: object, launched: oslo_service.ServiceBase, **options: object
    ) -> None:
        self.assertEqual({'workers': 1, 'no_fork': True}, options)
        self.launched.append(launched)

    def run_services(self, make, on_started=lambda: None) -> None:
        argv = ['test', '--config-file', str(self.directory / 'test.conf')]
        with unittest.mock.patch('sys.argv', argv):
            conf = service.load('energy-meter-test', 'A test.')
        self.assertRaises(Exited, service.run, conf, make, on_started)

    def make_group(self) -> oslo_service.ServiceBase:
        self.run_services(
            lambda: [Recorder('a', self.record), Recorder('b', self.record)]
        )
        [launched] = self.launched
        return launched

    def test_services_start_in_order_and_stop_in_reverse(self):
        group = self.make_group()
        group.start()
        group.stop()
        self.assertEqual(
            ['a start', 'b start', 'b stop', 'a stop'], self.record
        )

    def test_start_is_reported_after_the_last_service(self):
        self.run_services(
            lambda: [Recorder('a', self.record)],
            lambda: self.record.append('started'),
        )
        [group] = self.launched

        group.start()

        self.assertEqual(['a start', 'started'], self.record)

    def test_reset_reaches_every_service(self):
        self.make_group().reset()
        self.assertEqual(['a reset', 'b reset'], self.record)

    def test_mistake_is_logged_at_start_and_on_reload(self):
        self.write('[api]\nprot = 1\n[bus]\nsecrets = short\n')

        group = self.make_group()

        for text in ('test.conf:2: [api] prot: ', 'secret 1 has fewer'):
            self.assertEqual(1, self.log.output.count(text))
        group.reset()
        for text in ('test.conf:2: [api] prot: ', 'secret 1 has fewer'):
            self.assertEqual(2, self.log.output.count(text))

    def test_failed_reset_does_not_affect_other_services(self):
        group = self.make_group()
        with fixtures.MockPatchObject(
            group._services[1],
            'reset',
            side_effect=exception.MissingSecrets(),
        ):
            group.reset()
        self.assertEqual(['b reset'], self.record)
        self.assertIn(
            'Reload failed, keeping the current configuration: '
            '[bus] secrets is empty',
            self.log.output,
        )
        self.assertNotIn('Traceback', self.log.output)

    def test_failed_start_exits(self):
        def make():
            raise exception.MissingSecrets()

        self.run_services(make)
        self.assertEqual([], self.launched)
        os._exit.assert_called_once_with(1)  # type: ignore[attr-defined]
        self.assertIn('[bus] secrets is empty', self.log.output)
        self.assertNotIn('Traceback', self.log.output)

    def test_log_contains_options_without_secrets(self):
        self.write(
            '[bus]\nsecrets = hidden-secret\n'
            '[DEFAULT]\ntransport_url = rabbit://u:hidden@h/\n'
            '[agent]\nmax_gap = 77\n'
        )
        group = self.make_group()
        group.start()
        group.stop()
        self.assertRegex(self.log.output, r'agent.max_gap += 77')
        self.assertNotIn('hidden', self.log.output)
