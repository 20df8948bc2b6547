# SPDX-License-Identifier: Apache-2.0

"""What a configuration means, and in clear words what is wrong with it."""

import pathlib
import socket

import fixtures
from oslo_config import cfg
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter.agent import wattmeter

SECRET = 'hush'


class WattmeterTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def load(self, **files):
        """Load the wattmeters of files in one directory."""
        for name, text in files.items():
            (self.path / f'{name}.conf').write_text(text)
        conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(conf)
        conf(['--config-dir', str(self.path)], default_config_files=[])
        return wattmeter.load(conf, 'agent')

    def section(self, name='m', driver='dummy', probes='p', **options):
        return f'[wattmeter:{name}]\n' + ''.join(
            f'{option} = {value}\n'
            for option, value in {
                'driver': driver,
                'probes': probes,
                **options,
            }.items()
            if value is not None
        )


class MeaningTest(WattmeterTestCase):
    def load_one(self, text):
        (item,), errors = self.load(agent=text)
        self.assertEqual([], errors)
        return item

    def test_a_section_is_a_wattmeter(self):
        item = self.load_one(
            self.section(
                'rack-1', probes='a, b', interval=2.5, waveform='square'
            )
        )

        self.assertEqual(
            ('rack-1', 2.5, 'square', ('a', 'b')),
            (item.name, item.interval, item.options['waveform'], item.outlets),
        )
        self.assertEqual(
            [
                ('a', 'rack-1', 'dummy', 'agent'),
                ('b', 'rack-1', 'dummy', 'agent'),
            ],
            [
                (probe.id, probe.wattmeter, probe.driver, probe.agent)
                for probe in (settings.probe for settings in item.probes)
            ],
        )

    def test_an_outlet_is_left_out_by_an_empty_place(self):
        item = self.load_one(self.section(probes='F1, , F3'))

        self.assertEqual(('F1', None, 'F3'), item.outlets)
        self.assertEqual(
            ['F1', 'F3'], [settings.probe.id for settings in item.probes]
        )
        self.assertEqual(('F1', None, 'F3'), item.make_driver().probes)

    def test_the_host_of_a_probe_is_the_probe(self):
        item = self.load_one(self.section(probes='a, b'))

        self.assertEqual(
            ['a', 'b'], [settings.probe.host for settings in item.probes]
        )

    def test_the_host_of_a_local_probe_is_this_machine(self):
        item = self.load_one(self.section(driver='rapl'))

        self.assertEqual(socket.gethostname(), item.probes[0].probe.host)

    def test_what_a_probe_measures_is_what_its_driver_says(self):
        for driver, scope in (('dummy', 'node'), ('rapl', 'cpu-package')):
            item = self.load_one(self.section(driver=driver))

            self.assertEqual(scope, item.probes[0].probe.scope)

    def test_the_operator_knows_better(self):
        item = self.load_one(
            self.section(
                driver='rapl', metered_host='node-7', scope='platform'
            )
        )

        self.assertEqual(('platform', 'node-7'), item.probes[0].probe[1:3])

    def test_a_probe_may_have_settings_of_its_own(self):
        item = self.load_one(
            self.section(
                probes='a, b',
                metered_host='both',
                scope='outlet',
                max_watts=100,
            )
            + '[probe:b]\nhost = node-b\nscope = inlet\nmax_watts = 900\n'
        )

        self.assertEqual(
            [('a', 'outlet', 'both', 100.0), ('b', 'inlet', 'node-b', 900.0)],
            [
                (*settings.probe[:3], settings.max_watts)
                for settings in item.probes
            ],
        )

    def test_a_sum_is_none_of_the_agents_business(self):
        item = self.load_one(
            self.section(probes='a, b') + '[probe:both]\nsum = a, b\n'
        )

        self.assertEqual(('a', 'b'), item.outlets)

    def test_nor_is_who_pays_for_probes(self):
        item = self.load_one(
            self.section()
            + '[probe:p]\nproject_id = p1\n'
            + '[probe:of-another-agent]\nproject_id = p1\n'
        )

        self.assertEqual(('p',), item.outlets)

    def test_a_probe_can_draw_a_lot_unless_it_is_said(self):
        item = self.load_one(self.section())

        self.assertEqual(100_000.0, item.probes[0].max_watts)

    def test_a_gap_is_at_least_three_intervals(self):
        for interval, max_gap in ((1, 60.0), (20, 60.0), (60, 180.0)):
            item = self.load_one(self.section(interval=interval))

            self.assertEqual(max_gap, item.probes[0].max_gap)

    def test_a_dollar_is_written_twice(self):
        item = self.load_one(
            self.section(
                driver='redfish', url='https://bmc', password='$$hush'
            )
        )

        self.assertEqual('$hush', item.options['password'])

    def test_wattmeters_may_be_dropped_in(self):
        found, errors = self.load(
            agent=self.section('m'), rack=self.section('n', probes='q')
        )

        self.assertEqual([], errors)
        self.assertCountEqual(['m', 'n'], [item.name for item in found])

    def test_a_drop_in_may_change_a_wattmeter(self):
        (item,), errors = self.load(
            a=self.section('m', interval=1), b='[wattmeter:m]\ninterval = 30\n'
        )

        self.assertEqual([], errors)
        self.assertEqual(
            ('dummy', 30.0), (item.options['driver'], item.interval)
        )

    def test_other_sections_are_left_alone(self):
        found, errors = self.load(agent='[agent]\nname = a\n[other]\nx = 1\n')

        self.assertEqual(([], []), (found, errors))


class ErrorTest(WattmeterTestCase):
    def error(self, text):
        """Give the one error there is, without the name of the file."""
        _, errors = self.load(agent=text)
        self.assertEqual(1, len(errors), errors)
        file, _, rest = str(errors[0]).partition(': ')
        self.assertEqual(self.path / 'agent.conf', pathlib.Path(file))
        return rest

    def test_one_error_leaves_the_other_wattmeters_alone(self):
        found, errors = self.load(
            agent=self.section('bad', driver='none') + self.section('good')
        )

        self.assertEqual(['good'], [item.name for item in found])
        self.assertEqual(1, len(errors))

    def test_an_error_of_one_probe_leaves_the_others_alone(self):
        (item,), errors = self.load(
            agent=self.section(probes='a, b, c') + '[probe:b]\nscope = x\n'
        )

        self.assertEqual(('a', None, 'c'), item.outlets)
        self.assertEqual(1, len(errors))

    def test_a_wattmeter_of_which_every_probe_has_an_error_is_left_out(self):
        found, errors = self.load(
            agent=self.section(probes='a') + '[probe:a]\nscope = x\n'
        )

        self.assertEqual([], found)
        self.assertEqual(1, len(errors))

    def test_an_unknown_driver_is_told_with_the_known_ones(self):
        error = self.error(self.section(driver='dumy'))

        self.assertStartsWith(
            error, "[wattmeter:m] driver: 'dumy' is unknown; expected one of "
        )
        self.assertIn('dummy, ', error)

    def test_a_missing_driver_is_told(self):
        self.assertIn(
            "driver: '' is unknown", self.error(self.section(driver=None))
        )

    def test_an_unknown_option_is_told_with_the_known_ones(self):
        error = self.error(self.section(intervall=1))

        self.assertStartsWith(
            error, '[wattmeter:m] intervall: unknown option; expected one of '
        )
        self.assertIn('interval, ', error)

    def test_an_ill_typed_option_is_told(self):
        for option, value in (
            ('interval', 'often'),
            ('interval', '0'),
            ('interval', '-1'),
            ('interval', 'nan'),
            ('interval', 'inf'),
            ('interval', ''),
            ('max_watts', '0'),
            ('scope', 'moon'),
            ('energy', 'both'),
            ('waveform', 'flat'),
        ):
            error = self.error(self.section(**{option: value}))

            self.assertStartsWith(error, f'[wattmeter:m] {option}: ', value)

    def test_an_option_that_the_driver_needs_is_told_with_its_help(self):
        error = self.error(self.section(driver='redfish'))

        self.assertStartsWith(error, '[wattmeter:m] url: needed: ')

    def test_an_empty_section_is_told(self):
        self.assertEqual(
            '[wattmeter:m] driver: the section is empty; it needs at least '
            'driver and probes',
            self.error('[wattmeter:m]\n'),
        )

    def test_a_wattmeter_needs_a_name(self):
        self.assertStartsWith(
            self.error(self.section('')), '[wattmeter:] (name): '
        )

    def test_a_wattmeter_needs_a_probe(self):
        for probes in (None, '', ', ,'):
            self.assertEqual(
                '[wattmeter:m] probes: expected at least one probe id',
                self.error(self.section(probes=probes)),
            )

    def test_a_probe_named_twice_is_told(self):
        self.assertEqual(
            "[wattmeter:m] probes: 'a' is named twice",
            self.error(self.section(probes='a, b, a')),
        )

    def test_a_probe_of_two_wattmeters_is_told_with_both(self):
        found, (error,) = self.load(
            a=self.section('m', probes='p, q'),
            b=self.section('n', probes='r, q'),
        )

        self.assertEqual(['m'], [item.name for item in found])
        self.assertEqual(
            f"{self.path}/b.conf: [wattmeter:n] probes: 'q' is a probe of "
            f'[wattmeter:m] in {self.path}/a.conf too',
            str(error),
        )

    def test_an_id_that_no_message_can_hold_is_told(self):
        error = self.error(self.section(probes='x' * 191))

        self.assertIn('expected 1 to 190 printable characters', error)

    def test_a_misspelt_section_is_told(self):
        self.assertEqual(
            '[wattmetr:x] (name): unknown section; expected [wattmeter:...] '
            'or [probe:...] or [agent:...]',
            self.error('[wattmetr:x]\ndriver = dummy\n'),
        )

    def test_names_that_differ_only_in_case_are_told(self):
        found, (error,) = self.load(
            agent=self.section('Rack') + self.section('rack', probes='q')
        )

        self.assertEqual(['Rack'], [item.name for item in found])
        self.assertIn(
            '[wattmeter:rack] (name): differs from '
            '[wattmeter:Rack] only in case',
            str(error),
        )

    def test_a_section_of_a_probe_that_nobody_has_is_told(self):
        self.assertEqual(
            '[probe:q] (name): no wattmeter has this probe',
            self.error(self.section() + '[probe:q]\nhost = h\n'),
        )

    def test_an_option_of_a_probe_is_checked(self):
        for line, text in (
            ('hosts = h', '[probe:p] hosts: unknown option'),
            ('max_watts = x', '[probe:p] max_watts: '),
            ('sum = a', '[probe:p] sum: a sum has no '),
        ):
            _, errors = self.load(
                agent=self.section() + f'[probe:p]\n{line}\n'
            )

            self.assertIn(text, str(errors[0]))

    def test_a_secret_is_never_shown(self):
        for password in (f'${SECRET}', f'x${{{SECRET}}}'):
            error = self.error(
                self.section(
                    driver='redfish', url='https://bmc', password=password
                )
            )

            self.assertEqual(
                '[wattmeter:m] password: not a valid value', error
            )

    def test_a_secret_is_not_shown_by_the_errors_of_others(self):
        error = self.error(
            self.section(
                driver='redfish',
                url='https://bmc',
                password=SECRET,
                interval='never',
            )
        )

        self.assertNotIn(SECRET, error)

    def test_a_secret_that_is_still_to_be_filled_in_is_told(self):
        error = self.error(
            self.section(
                driver='redfish', url='https://bmc', password='<fill in>'
            )
        )

        self.assertStartsWith(
            error, '[wattmeter:m] password: still <fill in>: replace it. '
        )

    def assertStartsWith(self, text, start, message=''):
        self.assertTrue(text.startswith(start), f'{message}: {text}')
