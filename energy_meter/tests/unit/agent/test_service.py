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
from energy_meter.agent import restarts
from energy_meter.agent import service
from energy_meter.agent import supervisor
from energy_meter.drivers import dummy
from energy_meter.tests import hosts

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

    def configure(self, *sections, secrets='secret', **options):
        (self.directory / 'agent.conf').write_text(
            '[DEFAULT]\ntransport_url = fake://\n'
            f'state_path = {self.directory}/state\n'
            f'[bus]\nsecrets = {secrets}\n'
            '[agent]\nname = tester\npublish_interval = 0.01\n'
            'checkpoint_interval = 0.1\n'
            + ''.join(
                f'{option} = {value}\n' for option, value in options.items()
            )
            + ''.join(sections)
        )

    def read_conf(self):
        return energy_meter_conf.load(
            [], 'test', files=[str(self.directory / 'agent.conf')]
        )

    def make(self, **options):
        return service.Agent(self.read_conf(), self.read_conf, **options)

    def start(self, *sections, **options):
        if sections:
            self.configure(*sections)
        agent = self.make(**options)
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
        return self.measurements(probe)[-1]

    def kill(self, agent):
        """Stop an agent like a crash: without a final checkpoint."""
        self.running.remove(agent)
        agent._stopping.set()
        agent._task_thread.join(TIMEOUT_S)
        agent._supervisor.stop()
        agent._sender.stop(TIMEOUT_S)
        agent._storage._directory.close()

    def meter_joule(self, agent, probe='p'):
        before = len(self.measurements(probe))
        # Registers resolve milliseconds.
        threading.Event().wait(0.005)
        latest = time.monotonic()
        agent._recorder.record(
            [
                measurement.Reading(probe, 500.0, monotonic=monotonic)
                for monotonic in (latest - 0.002, latest)
            ]
        )
        wait_for(lambda: len(self.measurements(probe)) > before)

    def measurements(self, probe='p'):
        return [
            each
            for each in list(self.sent)
            if each.probe.id == probe and not each.is_mark
        ]

    def marks(self, probe='p'):
        return [
            each
            for each in list(self.sent)
            if each.probe.id == probe and each.is_mark
        ]

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
    def test_final_measurement_is_marked_at_the_next_start(self):
        last = self.run_once(meter('m', 'p'))
        self.sent.clear()

        self.start()

        wait_for(self.marks)
        self.assertEqual(
            [last._replace(watts=None, is_mark=True)], self.marks()
        )

    def test_next_register_follows_the_last_one(self):
        last = self.run_once(meter('m', 'p'))

        following = self.run_once(meter('m', 'p'))

        self.assertEqual(last.register.agent, following.register.agent)
        self.assertNotEqual(last.register.id, following.register.id)
        self.assertEqual(last.register.id, following.after.register)
        # It ended at most a checkpoint after its last measurement.
        self.assertTrue(
            last.elapsed <= following.after.elapsed < last.elapsed + 15_000
        )

    def test_predecessor_is_kept_while_the_probe_is_not_metered(self):
        last = self.run_once(meter('m', 'p'))
        for _ in range(2):
            self.run_once(meter('m', 'q'), probe='q')

        following = self.run_once(meter('m', 'p'))

        self.assertEqual(last.register.id, following.after.register)

    def test_register_is_in_the_checkpoint_before_it_is_published(self):
        # Given checkpoints that are written only when they are needed,
        agent = self.start(meter('m', 'p'))
        file = self.directory / 'state' / 'checkpoint.json'
        saved = []
        publish = self.publish

        def publish_and_look(measurements):
            saved.append(
                all(
                    each.register.id in file.read_text()
                    for each in measurements
                )
            )
            publish(measurements)

        with fixtures.MockPatchObject(self, 'publish', publish_and_look):
            self.meter_joule(agent)

        self.assertEqual([True] * len(saved), saved)
        self.assertNotEqual([], saved)

    def test_killed_agent_loses_nothing_of_its_checkpoint(self):
        # Given an agent without a bus that is killed
        self.bus_is_down = True
        agent = self.start(meter('m', 'p'))
        threading.Event().wait(0.005)
        agent._recorder.record([measurement.Reading('p', 1000.0)])
        ((final, _),) = agent._storage.registers.state(agent._clock.now()).open
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

        # then it publishes the opening and the end of its register.
        wait_for(lambda: len(self.marks()) == 2)
        self.assertEqual(
            [0, final.elapsed], [mark.elapsed for mark in self.marks()]
        )
        self.assertEqual(
            {final.register}, {mark.register for mark in self.marks()}
        )

    def test_all_marks_are_announced_on_request(self):
        self.run_once(meter('m', 'p'))
        self.run_once(meter('m', 'p'))
        self.start()
        wait_for(lambda: len(self.marks()) >= 4)
        before = set(self.marks())
        self.stop_all()
        self.sent.clear()

        self.start(announce_all=True)

        wait_for(lambda: before <= set(self.marks()))

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

        # Its register follows none: that of the original may go on.
        self.assertEqual(
            [None],
            list(
                {
                    each.after
                    for each in self.sent
                    if each.register.agent == clone.agent
                }
            ),
        )

    def test_copy_publishes_the_last_marks_of_the_original(self):
        # If the machine was renamed, nothing else would.
        last = self.run_once(meter('m', 'p'))
        self.sent.clear()
        self.useFixture(
            fixtures.MonkeyPatch('socket.gethostname', lambda: 'renamed')
        )

        self.start()

        wait_for(self.marks)
        self.assertIn(last._replace(watts=None, is_mark=True), self.marks())

    def test_corrupt_checkpoint_is_set_aside(self):
        self.run_once(meter('m', 'p'))
        file = self.directory / 'state' / 'checkpoint.json'
        file.write_text('[')

        following = self.run_once(meter('m', 'p'))

        self.assertIsNone(following.after)
        self.assertEqual(
            '[', file.with_name('checkpoint.json.corrupt').read_text()
        )
        self.assertIn('registers start without predecessors', self.log.output)

    def test_agent_that_is_restarted_often_waits(self):
        self.run_once(meter('m', 'p'))
        self.useFixture(
            fixtures.MockPatchObject(restarts, 'delay', lambda *_: 0.5)
        )

        agent = self.start()

        self.assertIsNone(agent._storage.registers.find('p'))
        wait_for(lambda: agent._storage.registers.find('p'))
        self.assertIn('is restarted often', self.log.output)
        self.assertEqual(0.5, agent.counters.value('restart_backoff_seconds'))

    def test_waiting_agent_can_be_stopped(self):
        self.useFixture(
            fixtures.MockPatchObject(restarts, 'delay', lambda *_: 1e6)
        )
        agent = self.start(meter('m', 'p'))

        self.stop(agent)

        self.assertFalse(agent._task_thread.is_alive())


class UsageTest(AgentTestCase):
    def setUp(self):
        super().setUp()
        self.useFixture(
            fixtures.MockPatchObject(dummy.Dummy, 'read', return_value=[])
        )
        self.host = hosts.Host()

    def record(self, agent):
        """Read the host some ms after the last time."""
        threading.Event().wait(0.005)
        reading = self.host.reading()._replace(
            probe='p', monotonic=time.monotonic()
        )
        agent._recorder.record([reading])

    def test_vectors_survive_a_crash_of_the_agent(self):
        # Given an agent that meters the CPU time of two instances,
        agent = self.start(meter('m', 'p'))
        self.host.start(1)
        self.host.start(2)
        self.record(agent)
        self.host.compute(10, [5, 3])
        self.record(agent)
        # one of which stops,
        self.host.stop(2)
        self.host.compute(10, [7])
        self.record(agent)
        agent._storage.checkpoint.save()

        # when it crashes and starts again,
        self.kill(agent)
        self.start()
        wait_for(lambda: any(each.millijoules == 20 for each in self.marks()))

        # then all that it had read is known.
        vectors = {each.elapsed: each.usage for each in self.marks()}
        self.assertEqual(
            [(0, 0), (0, 0), (5, 3), (12,)],
            [vectors[elapsed].cpu for elapsed in sorted(vectors)],
        )


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

    def test_register_of_removed_probe_ends(self):
        agent = self.start(meter('m', 'p, q'))
        self.meter_joule(agent)
        last = self.measurements()[-1]

        self.reload(agent, meter('m', 'q'))

        final = last._replace(watts=None, is_mark=True)
        wait_for(lambda: final in self.marks())
        agent._recorder.record([measurement.Reading('p', 1.0)])
        self.assertEqual(last, self.measurements()[-1])

    def test_probe_added_again_gets_a_register_that_follows(self):
        agent = self.start(meter('m', 'p, q'))
        self.meter_joule(agent)
        first = self.measurements()[-1]
        self.reload(agent, meter('m', 'q'))

        self.reload(agent, meter('m', 'p, q'))
        self.meter_joule(agent)

        second = self.measurements()[-1]
        self.assertNotEqual(first.register, second.register)
        self.assertEqual(
            measurement.Predecessor(first.register.id, first.elapsed),
            second.after,
        )

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

    def test_mistake_in_a_section_keeps_its_wattmeter(self):
        agent = self.start(meter('m', 'p'), meter('n', 'q'))
        self.meter_joule(agent)
        self.meter_joule(agent, 'q')

        self.reload(
            agent, meter('m', 'p', scope='nowhere'), meter('n', 'q, r')
        )
        self.meter_joule(agent)
        self.meter_joule(agent, 'r')

        self.assertEqual(1, len(self.registers()))
        self.assertIn('[wattmeter:m] scope: ', self.log.output)
        self.assertIn('Wattmeters read as before: m', self.log.output)
        self.assertNotIn('Wattmeter m was removed', self.log.output)

    def test_mistake_in_the_section_of_a_probe_keeps_its_register(self):
        agent = self.start(meter('m', 'p, q'))
        self.meter_joule(agent)

        self.reload(agent, meter('m', 'p, q'), '[probe:p]\nmax_watts = many\n')
        self.meter_joule(agent)

        self.assertEqual(1, len(self.registers()))
        self.assertIn('[probe:p] max_watts: ', self.log.output)

    def test_wattmeter_is_removed_beside_a_mistake(self):
        agent = self.start(meter('m', 'p'), meter('n', 'q'))
        self.meter_joule(agent)

        self.reload(agent, meter('n', 'q', driver='none'))

        self.assertIsNone(agent._storage.registers.find('p'))
        self.assertIsNotNone(agent._storage.registers.find('q'))

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

        self.assertIsNone(agent._storage.registers.find('r'))
        self.assertIsNotNone(agent._storage.registers.find('p'))
