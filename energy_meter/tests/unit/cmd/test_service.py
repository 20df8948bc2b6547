# SPDX-License-Identifier: Apache-2.0


"""How every service is run."""

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

    def test_configuration_that_can_be_read(self):
        self.assertEqual((0, '', ''), self.load())

    def test_missing_file_is_one_line(self):
        (self.directory / 'test.conf').unlink()
        self.refused(self.load(), 'test.conf')

    def test_ill_typed_option_is_one_line(self):
        self.write('[agent]\nmax_gap = often\n')
        self.refused(self.load(), '[agent] max_gap')

    def test_log_that_can_not_be_written_is_one_line(self):
        service.log.setup.side_effect = PermissionError(
            errno.EACCES, 'Permission denied', '/log'
        )
        self.refused(self.load(), "Permission denied: '/log'")

    def test_line_that_is_no_option_is_told(self):
        self.write('[agent]\nnonsense\n')
        self.assertIn('nonsense', self.load().error)

    def refused(self, result: base.Result, reason: str) -> None:
        self.assertEqual((1, ''), (result.code, result.output))
        self.assertRegex(result.error, '^energy-meter-test: [^\n]*$')
        self.assertIn(reason, result.error)


class Recorder(oslo_service.ServiceBase):
    """Writes down what is done to it."""

    def __init__(self, name: str, record: list[str]) -> None:
        self.name = name
        self.record = record

    def start(self) -> None:
        self.record.append(f'{self.name} starts')

    def stop(self) -> None:
        self.record.append(f'{self.name} stops')

    def wait(self) -> None:
        pass

    def reset(self) -> None:
        self.record.append(f'{self.name} resets')


class Ended(Exception):
    """Stands for the end of the process."""


class RunTest(base.CommandTest):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.launched: list[oslo_service.ServiceBase] = []
        for target, name, value in (
            (service.service, 'launch', self.launch),
            (service.report, 'install', lambda *_: None),
            (os, '_exit', unittest.mock.Mock(side_effect=Ended)),
            (service.signal, 'signal', unittest.mock.Mock()),
        ):
            self.useFixture(fixtures.MockPatchObject(target, name, value))
        self.record: list[str] = []

    def launch(
        self, _: object, launched: oslo_service.ServiceBase, **options: object
    ) -> None:
        self.assertEqual({'workers': 1, 'no_fork': True}, options)
        self.launched.append(launched)

    def run_services(self, make) -> None:
        argv = ['test', '--config-file', str(self.directory / 'test.conf')]
        with unittest.mock.patch('sys.argv', argv):
            conf = service.load('energy-meter-test', 'A test.')
        self.assertRaises(Ended, service.run, conf, make)

    def together(self) -> oslo_service.ServiceBase:
        self.run_services(
            lambda: [Recorder('a', self.record), Recorder('b', self.record)]
        )
        [launched] = self.launched
        return launched

    def test_services_start_in_order_and_stop_in_reverse(self):
        together = self.together()
        together.start()
        together.stop()
        self.assertEqual(
            ['a starts', 'b starts', 'b stops', 'a stops'], self.record
        )

    def test_every_service_reads_its_configuration_anew(self):
        self.together().reset()
        self.assertEqual(['a resets', 'b resets'], self.record)

    def test_service_that_can_not_take_it_over_stops_no_other(self):
        together = self.together()
        with fixtures.MockPatchObject(
            together._services[1],
            'reset',
            side_effect=exception.MissingSecrets(),
        ):
            together.reset()
        self.assertEqual(['b resets'], self.record)
        self.assertIn(
            'The configuration stays as it was: [bus] secrets is empty',
            self.log.output,
        )
        self.assertNotIn('Traceback', self.log.output)

    def test_service_that_can_not_be_made_ends_the_process(self):
        def make():
            raise exception.MissingSecrets()

        self.run_services(make)
        self.assertEqual([], self.launched)
        os._exit.assert_called_once_with(1)  # type: ignore[attr-defined]
        self.assertIn('[bus] secrets is empty', self.log.output)
        self.assertNotIn('Traceback', self.log.output)

    def test_log_shows_options_but_no_secrets(self):
        self.write(
            '[bus]\nsecrets = hidden-secret\n'
            '[DEFAULT]\ntransport_url = rabbit://u:hidden@h/\n'
            '[agent]\nmax_gap = 77\n'
        )
        together = self.together()
        together.start()
        together.stop()
        self.assertRegex(self.log.output, r'agent.max_gap += 77')
        self.assertNotIn('hidden', self.log.output)
