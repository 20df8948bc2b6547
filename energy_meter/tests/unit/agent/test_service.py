# SPDX-License-Identifier: Apache-2.0

"""An agent bills every joule once, whoever ends, changes or copies it."""

import pathlib
import shutil
import threading
import time
import types

import fixtures
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter import measurement
from energy_meter import signing
from energy_meter.agent import service
from energy_meter.agent import state
from energy_meter.agent import supervisor

PATIENCE = 20.0


def wait_for(condition):
    """Poll until it is true; the keeper looks about once a second."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError('this was waited for in vain')
        threading.Event().wait(0.01)


def meter(name, probes, **options):
    """Give a section of a wattmeter that is never due by itself."""
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
        self.bus_away = False
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.bus.publisher.Publisher.publish',
                lambda publisher, words: self.publish(words),
            )
        )

    def publish(self, words):
        if self.bus_away:
            raise ConnectionRefusedError
        self.sent.extend(words)

    def configure(self, *sections, secrets='secret'):
        (self.directory / 'agent.conf').write_text(
            '[DEFAULT]\ntransport_url = fake://\n'
            f'state_path = {self.directory}/state\n'
            f'[bus]\nsecrets = {secrets}\n'
            '[agent]\nname = tester\npublish_interval = 0.01\n'
            'journal_interval = 0.1\n' + ''.join(sections)
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
        """Be an agent that meters 1 J, then ends."""
        agent = self.start(*sections)
        self.meter_joule(agent, probe)
        self.stop(agent)
        return self.sent[-1]

    def kill(self, agent):
        """End an agent as a crash does: nothing is said, the lock is free."""
        self.running.remove(agent)
        agent._stopping.set()
        agent._keeper.join(PATIENCE)
        agent._supervisor.stop()
        agent._sender.stop(PATIENCE)
        agent._state.close()

    def meter_joule(self, agent, probe='p'):
        now = time.monotonic()
        agent.take(
            [
                measurement.Reading(probe, 1000.0, at=at)
                for at in (now - 0.001, now)
            ]
        )
        wait_for(lambda: any(word.probe.id == probe for word in self.sent))

    def words(self, probe='p'):
        return [word for word in list(self.sent) if word.probe.id == probe]

    def registers(self, probe='p'):
        return {word.register for word in self.words(probe)}

    def reload(self, agent, *sections, **options):
        """Change the files, send SIGHUP and wait for what comes of it."""
        applied = threading.Event()
        apply = agent._apply_anew

        def apply_and_tell():
            apply()
            applied.set()

        self.configure(*sections, **options)
        with fixtures.MockPatchObject(agent, '_apply_anew', apply_and_tell):
            agent.reset()
            self.assertTrue(applied.wait(PATIENCE))


class StartTest(AgentTestCase):
    def test_a_wattmeter_is_read_and_published(self):
        self.start(meter('m', 'p, q', interval=0.01))

        wait_for(lambda: len(self.words('p')) > 2 and self.words('q'))

        for probe in ('p', 'q'):
            self.assertEqual(
                measurement.Probe(
                    probe, 'node', probe, 'm', 'dummy', 'tester'
                ),
                self.words(probe)[0].probe,
            )

    def test_it_does_not_run_without_anything_to_meter(self):
        self.configure(meter('m', 'p', driver='none'))

        self.assertRaises(exception.NothingToMeter, self.start)

        self.assertIn("driver: 'none' is unknown", self.log.output)

    def test_it_runs_with_what_makes_sense(self):
        agent = self.start(meter('bad', 'q', driver='none'), meter('m', 'p'))

        self.meter_joule(agent)

        self.assertIn("driver: 'none' is unknown", self.log.output)

    def test_two_agents_can_not_share_a_state_path(self):
        self.start(meter('m', 'p'))

        self.assertRaises(exception.StateInUse, self.make)

    def test_messages_must_be_signed(self):
        self.configure(meter('m', 'p'))
        conf = self.read_conf()
        conf.set_override('secrets', [], 'bus')

        self.assertRaises(
            exception.MissingSecrets, service.Agent, conf, self.read_conf
        )
        # A failed one leaves the way free.
        self.start()


class RestartTest(AgentTestCase):
    def test_the_next_incarnation_announces_the_last_words(self):
        last = self.run_once(meter('m', 'p'))
        self.sent.clear()

        agent = self.start()

        wait_for(self.words)
        self.assertEqual([last], self.words())
        self.meter_joule(agent)
        wait_for(lambda: len(self.registers()) == 2)
        old, new = sorted(
            self.registers(), key=lambda register: register.incarnation
        )
        self.assertEqual(
            (old.agent, old.incarnation + 1), (new.agent, new.incarnation)
        )

    def test_the_journal_of_a_killed_agent_is_announced(self):
        # Given an agent whose bus is away and that is killed
        self.bus_away = True
        agent = self.start(meter('m', 'p'))
        agent.take([measurement.Reading('p', 1000.0)])
        (word,) = agent._ledger.words()
        # after it wrote its journal,
        journal = self.directory / 'state' / 'journal.json'
        wait_for(
            lambda: (
                journal.exists() and word.register.id in journal.read_text()
            )
        )
        self.kill(agent)
        self.bus_away = False
        self.assertEqual([], self.sent)

        # when it starts anew,
        self.start()

        # then nothing that was journalled is lost.
        wait_for(self.words)
        self.assertEqual([word], self.words())

    def test_ended_registers_outlive_several_incarnations(self):
        last = self.run_once(meter('m', 'p'))
        for _ in range(2):
            self.run_once(meter('m', 'q'), probe='q')
            self.sent.clear()

        self.start()

        wait_for(self.words)
        self.assertEqual([last], self.words())

    def test_ended_registers_are_announced_again(self):
        self.useFixture(
            fixtures.MockPatchObject(service, '_ANNOUNCE_INTERVAL', 0.5)
        )
        last = self.run_once(meter('m', 'p'))
        self.sent.clear()

        self.start()

        wait_for(lambda: len(self.words()) >= 2)
        self.assertEqual({last}, set(self.words()))

    def test_a_copy_of_its_state_is_another_agent(self):
        original = self.run_once(meter('m', 'p')).register
        shutil.copytree(self.directory / 'state', self.directory / 'copy')
        shutil.rmtree(self.directory / 'state')
        (self.directory / 'copy').rename(self.directory / 'state')
        self.useFixture(
            fixtures.MonkeyPatch('socket.gethostname', lambda: 'clone')
        )

        clone = self.run_once(meter('m', 'p')).register

        self.assertNotEqual(original.agent, clone.agent)

    def test_a_damaged_journal_is_told_rather_than_forgotten(self):
        self.run_once(meter('m', 'p'))
        (self.directory / 'state' / 'journal.json').write_text('[')

        error = self.assertRaises(exception.StateUnusable, self.make)

        self.assertIn('journal.json', str(error))


class ReloadTest(AgentTestCase):
    def test_an_unchanged_probe_keeps_its_register(self):
        agent = self.start(meter('m', 'p'))
        self.meter_joule(agent)

        self.reload(agent, meter('m', 'p'), meter('n', 'q'))
        self.meter_joule(agent, 'q')
        self.meter_joule(agent)

        self.assertEqual(1, len(self.registers()))
        self.assertEqual(1, len(self.registers('q')))

    def test_a_probe_that_moves_to_another_meter_keeps_its_register(self):
        agent = self.start(meter('m', 'p'))
        self.meter_joule(agent)
        joule = self.words()[-1].millijoules

        self.reload(agent, meter('other', 'p', waveform='square'))
        self.meter_joule(agent)

        wait_for(lambda: self.words()[-1].probe.wattmeter == 'other')
        self.assertEqual(1, len(self.registers()))
        self.assertGreaterEqual(self.words()[-1].millijoules, joule)

    def test_a_removed_probe_ends_and_is_announced(self):
        self.useFixture(
            fixtures.MockPatchObject(service, '_ANNOUNCE_INTERVAL', 0.5)
        )
        agent = self.start(meter('m', 'p, q'))
        self.meter_joule(agent)
        last = self.words()[-1]

        self.reload(agent, meter('m', 'q'))
        self.sent.clear()

        wait_for(self.words)
        self.assertEqual({last}, set(self.words()))
        agent.take([measurement.Reading('p', 1.0)])
        self.assertEqual([last], [word for word, _ in agent._ledger.ended()])

    def test_a_probe_that_comes_back_is_of_a_later_incarnation(self):
        agent = self.start(meter('m', 'p, q'))
        self.meter_joule(agent)
        first = self.words()[-1].register
        self.reload(agent, meter('m', 'q'))

        self.reload(agent, meter('m', 'p, q'))
        self.sent.clear()
        self.meter_joule(agent)

        second = self.words()[-1].register
        self.assertNotEqual(first.id, second.id)
        self.assertGreater(second.incarnation, first.incarnation)

    def test_an_incarnation_begun_by_a_reload_never_comes_again(self):
        agent = self.start(meter('m', 'p'))
        self.reload(agent, meter('m', 'p, q'))
        self.meter_joule(agent, 'q')
        self.stop(agent)
        before = self.words('q')[-1].register.incarnation
        self.sent.clear()

        after = self.run_once(meter('m', 'p')).register.incarnation

        self.assertGreater(after, before)

    def test_another_secret_signs_from_then_on(self):
        agent = self.start(meter('m', 'p'))
        self.meter_joule(agent)

        self.reload(agent, meter('m', 'p'), secrets='new, secret')
        self.meter_joule(agent)

        self.assertEqual(
            signing.key_id('new'), agent._publisher._keyring.signing_key_id
        )
        self.assertEqual(1, len(self.registers()))

    def test_without_a_secret_the_old_ones_stay(self):
        agent = self.start(meter('m', 'p'))

        self.reload(agent, meter('m', 'p'), secrets='')

        self.assertIn(
            'The configuration stays as it was: [bus] secrets is empty',
            self.log.output,
        )
        self.assertEqual(
            signing.key_id('secret'), agent._publisher._keyring.signing_key_id
        )

    def test_a_file_that_makes_no_sense_changes_nothing(self):
        agent = self.start(meter('m', 'p'))
        self.meter_joule(agent)

        self.reload(agent, 'this is no configuration')
        self.meter_joule(agent)

        self.assertIn('The configuration stays as it was: ', self.log.output)
        self.assertEqual(1, len(self.registers()))

    def test_an_incarnation_that_can_not_be_kept_changes_nothing(self):
        agent = self.start(meter('m', 'p'))
        self.meter_joule(agent)

        with fixtures.MockPatchObject(
            state.StateDirectory,
            'identify',
            side_effect=exception.StateUnusable(path='s', reason='full'),
        ):
            self.reload(agent, meter('m', 'q'))

        self.assertIn('stays as it was: s: full', self.log.output)
        self.sent.clear()
        self.meter_joule(agent)
        self.assertEqual([], agent._ledger.ended())

    def test_a_chore_that_fails_does_not_end_the_others(self):
        agent = self.start(meter('m', 'p'))
        failed = threading.Event()

        def crash(*_):
            failed.set()
            raise RuntimeError('chore')

        with fixtures.MockPatchObject(supervisor.Supervisor, 'check', crash):
            self.assertTrue(failed.wait(PATIENCE))
            self.reload(agent, meter('m', 'p, q'))

        self.meter_joule(agent, 'q')


class TakeTest(AgentTestCase):
    def setUp(self):
        super().setUp()
        self.agent = self.start(meter('m', 'p'))
        self.now = time.monotonic() + 10.0
        self.useFixture(
            fixtures.MockPatchObject(
                service,
                'time',
                types.SimpleNamespace(
                    monotonic=lambda: self.now, time=lambda: 1.7e9
                ),
            )
        )

    def take(self, at):
        """Take a reading 10 s after the start."""
        self.agent.take(
            [
                measurement.Reading(
                    'p', 1.0, at=None if at is None else self.now + at
                )
            ]
        )
        (word,) = self.agent._ledger.words()
        return word

    def test_a_reading_is_of_now(self):
        self.assertEqual(1.7e9, self.take(None).time)

    def test_a_reading_from_the_past_bears_the_time_of_then(self):
        word = self.take(-4.0)

        self.assertAlmostEqual(1.7e9 - 4.0, word.time, 3)

    def test_a_reading_from_the_future_is_of_now(self):
        word = self.take(3600.0)

        self.assertEqual(1.7e9, word.time)

    def test_elapsed_is_of_when_it_was_read(self):
        earlier = self.take(-4.0).elapsed
        later = self.take(-1.0).elapsed

        self.assertAlmostEqual(3.0, later - earlier, 3)


class AdoptTest(AgentTestCase):
    """Wattmeters that tell their outlets themselves."""

    def test_a_probe_of_another_wattmeter_is_not_taken(self):
        agent = self.start(meter('m', 'p'), meter('n', 'q'))
        known = agent._wattmeters

        error = self.assertRaises(
            exception.ProbeTaken,
            agent.adopt,
            known['n']._replace(probes=known['m'].probes),
        )

        self.assertIn('probe p is a probe of wattmeter m already', str(error))

    def test_new_probes_are_metered_beside_the_old(self):
        agent = self.start(meter('m', 'p'), meter('n', 'q'))
        self.meter_joule(agent)
        item = agent._wattmeters['n']
        probe = item.probes[0].probe._replace(id='r')

        agent.adopt(
            item._replace(
                probes=(*item.probes, item.probes[0]._replace(probe=probe))
            )
        )
        self.meter_joule(agent, 'r')
        self.meter_joule(agent)

        self.assertEqual(1, len(self.registers()))

    def test_a_wattmeter_that_was_removed_meanwhile_is_not_adopted(self):
        agent = self.start(meter('m', 'p'))
        item = agent._wattmeters['m']
        probe = item.probes[0].probe._replace(id='r')

        agent.adopt(
            item._replace(
                name='gone', probes=(item.probes[0]._replace(probe=probe),)
            )
        )

        self.assertEqual(['r'], agent._ledger.missing(['p', 'r']))
