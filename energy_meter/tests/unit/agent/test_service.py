# SPDX-License-Identifier: Apache-2.0

"""Restarts, reloads and copies of an agent neither lose nor repeat energy."""

import pathlib
import shutil
import threading
import time

import fixtures
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter import measurement
from energy_meter import signing
from energy_meter.agent import service
from energy_meter.agent import state
from energy_meter.agent import supervisor

TIMEOUT_S = 20.0


def wait_for(condition):
    """Poll until it is true; periodic tasks run about once a second."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError('timeout')
        threading.Event().wait(0.01)


def meter(name, probes, **options):
    """Return a wattmeter section; its interval is longer than any test."""
    options = {'driver': 'dummy', 'probes': probes, 'interval': 1e6, **options}
    return f'[wattmeter:{name}]\n' + ''.join(
        f'{option} = {value}\n' for option, value in options.items()
    )


class AgentTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.log = self.useFixture(fixtures.FakeLogger('energy_meter.agent'))
        self.running = []
        self.addCleanup(self.stop_all)
        self.sent = []
        self.bus_is_down = False
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.bus.publisher.MeasurementPublisher.publish',
                lambda publisher, measurements: self.publish(measurements),
            )
        )

    def publish(self, measurements):
        if self.bus_is_down:
            raise ConnectionRefusedError
        self.sent.extend(measurements)

    def configure(self, *sections, secrets='secret'):
        (self.directory / 'agent.conf').write_text(
            '[DEFAULT]\ntransport_url = fake://\n'
            f'state_path = {self.directory}/state\n'
            f'[bus]\nsecrets = {secrets}\n'
            '[agent]\nname = tester\npublish_interval = 0.01\n'
            'checkpoint_interval = 0.1\n' + ''.join(sections)
        )

    def read_conf(self):
        return energy_meter_conf.load(
            [], 'test', files=[str(self.directory / 'agent.conf')]
        )

    def make(self):
        return service.Agent(self.read_conf(), self.read_conf)

    def start(self, *sections):
        if sections:
            self.configure(*sections)
        agent = self.make()
        self.running.append(agent)
        agent.start()
        return agent

    def stop(self, agent):
        self.running.remove(agent)
        agent.stop()

    def stop_all(self):
        for agent in list(self.running):
            self.stop(agent)

    def run_once(self, *sections, probe='p'):
        """Run an agent that meters 1 J, and return its last measurement."""
        agent = self.start(*sections)
        self.meter_joule(agent, probe)
        self.stop(agent)
        return self.sent[-1]

    def kill(self, agent):
        """Stop an agent like a crash: without a final checkpoint."""
        self.running.remove(agent)
        agent._stopping.set()
        agent._task_thread.join(TIMEOUT_S)
        agent._supervisor.stop()
        agent._sender.stop(TIMEOUT_S)
        agent._state.close()

    def meter_joule(self, agent, probe='p'):
        latest = time.monotonic()
        agent._recorder.record(
            [
                measurement.Reading(probe, 1000.0, monotonic=monotonic)
                for monotonic in (latest - 0.001, latest)
            ]
        )
        wait_for(lambda: self.measurements(probe))

    def measurements(self, probe='p'):
        return [each for each in list(self.sent) if each.probe.id == probe]

    def registers(self, probe='p'):
        return {each.register for each in self.measurements(probe)}

    def reload(self, agent, *sections, **options):
        """Change the files, request a reload and wait until it has ended."""
        reloaded = threading.Event()
        reload = agent._reload

        def reload_and_notify():
            reload()
            reloaded.set()

        self.configure(*sections, **options)
        with fixtures.MockPatchObject(agent, '_reload', reload_and_notify):
            agent.reset()
            self.assertTrue(reloaded.wait(TIMEOUT_S))


class StartTest(AgentTestCase):
    def test_readings_are_published(self):
        self.start(meter('m', 'p, q', interval=0.01))

        wait_for(
            lambda: len(self.measurements('p')) > 2 and self.measurements('q')
        )

        for probe in ('p', 'q'):
            self.assertEqual(
                measurement.Probe(
                    probe, 'node', probe, 'm', 'dummy', 'tester'
                ),
                self.measurements(probe)[0].probe,
            )

    def test_agent_without_valid_wattmeter_does_not_start(self):
        self.configure(meter('m', 'p', driver='none'))

        self.assertRaises(exception.NoWattmeters, self.start)

        self.assertIn("driver: 'none' is unknown", self.log.output)

    def test_agent_starts_with_the_valid_wattmeters(self):
        agent = self.start(meter('bad', 'q', driver='none'), meter('m', 'p'))

        self.meter_joule(agent)

        self.assertIn("driver: 'none' is unknown", self.log.output)

    def test_second_agent_on_same_state_path_does_not_start(self):
        self.start(meter('m', 'p'))

        self.assertRaises(exception.StateLocked, self.make)

    def test_agent_without_secret_does_not_start(self):
        self.configure(meter('m', 'p'))
        conf = self.read_conf()
        conf.set_override('secrets', [], 'bus')

        self.assertRaises(
            exception.MissingSecrets, service.Agent, conf, self.read_conf
        )
        # The failed start has released the lock.
        self.start()


class RestartTest(AgentTestCase):
    def test_next_incarnation_republishes_final_measurements(self):
        last = self.run_once(meter('m', 'p'))
        self.sent.clear()

        agent = self.start()

        wait_for(self.measurements)
        self.assertEqual([last], self.measurements())
        self.meter_joule(agent)
        wait_for(lambda: len(self.registers()) == 2)
        old, new = sorted(
            self.registers(), key=lambda register: register.incarnation
        )
        self.assertEqual(
            (old.agent, old.incarnation + 1), (new.agent, new.incarnation)
        )

    def test_checkpoint_of_killed_agent_is_republished(self):
        # Given an agent without a bus that is killed
        self.bus_is_down = True
        agent = self.start(meter('m', 'p'))
        agent._recorder.record([measurement.Reading('p', 1000.0)])
        (final,) = agent._registers.measurements()
        # after it saved a checkpoint,
        checkpoint = self.directory / 'state' / 'checkpoint.json'
        wait_for(
            lambda: (
                checkpoint.exists()
                and final.register.id in checkpoint.read_text()
            )
        )
        self.kill(agent)
        self.bus_is_down = False
        self.assertEqual([], self.sent)

        # when it is started again,
        self.start()

        # then it republishes the checkpoint.
        wait_for(self.measurements)
        self.assertEqual([final], self.measurements())

    def test_closed_registers_survive_several_incarnations(self):
        last = self.run_once(meter('m', 'p'))
        for _ in range(2):
            self.run_once(meter('m', 'q'), probe='q')
            self.sent.clear()

        self.start()

        wait_for(self.measurements)
        self.assertEqual([last], self.measurements())

    def test_closed_registers_are_republished_periodically(self):
        self.useFixture(
            fixtures.MockPatchObject(service, '_REPUBLISH_INTERVAL_S', 0.5)
        )
        last = self.run_once(meter('m', 'p'))
        self.sent.clear()

        self.start()

        wait_for(lambda: len(self.measurements()) >= 2)
        self.assertEqual({last}, set(self.measurements()))

    def test_copy_of_state_is_a_different_agent(self):
        original = self.run_once(meter('m', 'p')).register
        shutil.copytree(self.directory / 'state', self.directory / 'copy')
        shutil.rmtree(self.directory / 'state')
        (self.directory / 'copy').rename(self.directory / 'state')
        self.useFixture(
            fixtures.MonkeyPatch('socket.gethostname', lambda: 'clone')
        )

        clone = self.run_once(meter('m', 'p')).register

        self.assertNotEqual(original.agent, clone.agent)

    def test_corrupt_checkpoint_is_an_error(self):
        self.run_once(meter('m', 'p'))
        (self.directory / 'state' / 'checkpoint.json').write_text('[')

        error = self.assertRaises(exception.StateUnusable, self.make)

        self.assertIn('checkpoint.json', str(error))


class ReloadTest(AgentTestCase):
    def test_unchanged_probe_keeps_its_register(self):
        agent = self.start(meter('m', 'p'))
        self.meter_joule(agent)

        self.reload(agent, meter('m', 'p'), meter('n', 'q'))
        self.meter_joule(agent, 'q')
        self.meter_joule(agent)

        self.assertEqual(1, len(self.registers()))
        self.assertEqual(1, len(self.registers('q')))

    def test_probe_moved_to_another_wattmeter_keeps_its_register(self):
        agent = self.start(meter('m', 'p'))
        self.meter_joule(agent)
        joules = self.measurements()[-1].millijoules

        self.reload(agent, meter('other', 'p', waveform='square'))
        self.meter_joule(agent)

        wait_for(lambda: self.measurements()[-1].probe.wattmeter == 'other')
        self.assertEqual(1, len(self.registers()))
        self.assertGreaterEqual(self.measurements()[-1].millijoules, joules)

    def test_register_of_removed_probe_is_republished(self):
        self.useFixture(
            fixtures.MockPatchObject(service, '_REPUBLISH_INTERVAL_S', 0.5)
        )
        agent = self.start(meter('m', 'p, q'))
        self.meter_joule(agent)
        last = self.measurements()[-1]

        self.reload(agent, meter('m', 'q'))
        self.sent.clear()

        wait_for(self.measurements)
        self.assertEqual({last}, set(self.measurements()))
        agent._recorder.record([measurement.Reading('p', 1.0)])
        self.assertEqual(
            [last], [closed.final for closed in agent._registers.closed()]
        )

    def test_probe_added_again_gets_a_higher_incarnation(self):
        agent = self.start(meter('m', 'p, q'))
        self.meter_joule(agent)
        first = self.measurements()[-1].register
        self.reload(agent, meter('m', 'q'))

        self.reload(agent, meter('m', 'p, q'))
        self.sent.clear()
        self.meter_joule(agent)

        second = self.measurements()[-1].register
        self.assertNotEqual(first.id, second.id)
        self.assertGreater(second.incarnation, first.incarnation)

    def test_incarnation_started_by_reload_is_not_reused(self):
        agent = self.start(meter('m', 'p'))
        self.reload(agent, meter('m', 'p, q'))
        self.meter_joule(agent, 'q')
        self.stop(agent)
        before = self.measurements('q')[-1].register.incarnation
        self.sent.clear()

        after = self.run_once(meter('m', 'p')).register.incarnation

        self.assertGreater(after, before)

    def test_reload_changes_the_signing_secret(self):
        agent = self.start(meter('m', 'p'))
        self.meter_joule(agent)

        self.reload(agent, meter('m', 'p'), secrets='new, secret')
        self.meter_joule(agent)

        self.assertEqual(
            signing.key_id('new'), agent._publisher._keyring.signing_key_id
        )
        self.assertEqual(1, len(self.registers()))

    def test_reload_without_secret_keeps_the_current_ones(self):
        agent = self.start(meter('m', 'p'))

        self.reload(agent, meter('m', 'p'), secrets='')

        self.assertIn(
            'Reload failed, keeping the current configuration: '
            '[bus] secrets is empty',
            self.log.output,
        )
        self.assertEqual(
            signing.key_id('secret'), agent._publisher._keyring.signing_key_id
        )

    def test_reload_of_invalid_file_keeps_the_configuration(self):
        agent = self.start(meter('m', 'p'))
        self.meter_joule(agent)

        self.reload(agent, 'this is not a configuration')
        self.meter_joule(agent)

        self.assertIn(
            'Reload failed, keeping the current configuration: ',
            self.log.output,
        )
        self.assertEqual(1, len(self.registers()))

    def test_reload_without_new_incarnation_keeps_the_configuration(self):
        agent = self.start(meter('m', 'p'))
        self.meter_joule(agent)

        with fixtures.MockPatchObject(
            state.StateDirectory,
            'identify',
            side_effect=exception.StateUnusable(path='s', reason='full'),
        ):
            self.reload(agent, meter('m', 'q'))

        self.assertIn(
            'keeping the current configuration: s: full', self.log.output
        )
        self.sent.clear()
        self.meter_joule(agent)
        self.assertEqual([], agent._registers.closed())

    def test_failed_task_does_not_stop_the_others(self):
        agent = self.start(meter('m', 'p'))
        failed = threading.Event()

        def crash(*_):
            failed.set()
            raise RuntimeError('task')

        with fixtures.MockPatchObject(supervisor.Supervisor, 'check', crash):
            self.assertTrue(failed.wait(TIMEOUT_S))
            self.reload(agent, meter('m', 'p, q'))

        self.meter_joule(agent, 'q')


class RegisterProbesTest(AgentTestCase):
    """Wattmeters whose channels become known while the agent runs."""

    def test_probe_of_another_wattmeter_is_rejected(self):
        agent = self.start(meter('m', 'p'), meter('n', 'q'))
        wattmeters = agent._wattmeters

        error = self.assertRaises(
            exception.DuplicateProbe,
            agent.register_probes,
            wattmeters['n']._replace(probes=wattmeters['m'].probes),
        )

        self.assertIn('probe p already belongs to wattmeter m', str(error))

    def test_new_probes_are_metered_like_the_old_ones(self):
        agent = self.start(meter('m', 'p'), meter('n', 'q'))
        self.meter_joule(agent)
        wattmeter = agent._wattmeters['n']
        probe = wattmeter.probes[0].probe._replace(id='r')

        agent.register_probes(
            wattmeter._replace(
                probes=(
                    *wattmeter.probes,
                    wattmeter.probes[0]._replace(probe=probe),
                )
            )
        )
        self.meter_joule(agent, 'r')
        self.meter_joule(agent)

        self.assertEqual(1, len(self.registers()))

    def test_probes_of_removed_wattmeter_are_ignored(self):
        agent = self.start(meter('m', 'p'))
        wattmeter = agent._wattmeters['m']
        probe = wattmeter.probes[0].probe._replace(id='r')

        agent.register_probes(
            wattmeter._replace(
                name='removed',
                probes=(wattmeter.probes[0]._replace(probe=probe),),
            )
        )

        self.assertEqual(['r'], agent._registers.unknown(['p', 'r']))
