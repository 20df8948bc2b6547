# SPDX-License-Identifier: Apache-2.0

"""Wattmeters of valid sections, and errors of invalid ones."""

import pathlib
import socket

import fixtures
from oslo_config import cfg
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter.agent import wattmeter

SECRET = 'swordfish'


class WattmeterTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.useFixture(fixtures.TempDir()).path)

    def load(self, **files):
        """Load the wattmeters from files in one directory."""
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


class LoadTest(WattmeterTestCase):
    def load_one(self, text):
        (loaded,), errors = self.load(agent=text)
        self.assertEqual([], errors)
        return loaded

    def test_section_is_loaded_as_wattmeter(self):
        loaded = self.load_one(
            self.section(
                'rack-1', probes='a, b', interval=2.5, waveform='square'
            )
        )

        self.assertEqual(
            ('rack-1', 2.5, 'square', ('a', 'b')),
            (
                loaded.name,
                loaded.interval,
                loaded.options['waveform'],
                loaded.probe_ids,
            ),
        )
        self.assertEqual(
            [
                ('a', 'rack-1', 'dummy', 'agent'),
                ('b', 'rack-1', 'dummy', 'agent'),
            ],
            [
                (probe.id, probe.wattmeter, probe.driver, probe.agent)
                for probe in (settings.probe for settings in loaded.probes)
            ],
        )

    def test_empty_entry_skips_a_channel(self):
        loaded = self.load_one(self.section(probes='F1, , F3'))

        self.assertEqual(('F1', None, 'F3'), loaded.probe_ids)
        self.assertEqual(
            ['F1', 'F3'], [settings.probe.id for settings in loaded.probes]
        )
        self.assertEqual(('F1', None, 'F3'), loaded.make_driver().probes)

    def test_host_defaults_to_probe_id(self):
        loaded = self.load_one(self.section(probes='a, b'))

        self.assertEqual(
            ['a', 'b'], [settings.probe.host for settings in loaded.probes]
        )

    def test_host_of_local_driver_defaults_to_this_machine(self):
        loaded = self.load_one(self.section(driver='rapl'))

        self.assertEqual(socket.gethostname(), loaded.probes[0].probe.host)

    def test_scope_defaults_to_scope_of_driver(self):
        for driver, scope in (('dummy', 'node'), ('rapl', 'cpu-package')):
            loaded = self.load_one(self.section(driver=driver))

            self.assertEqual(scope, loaded.probes[0].probe.scope)

    def test_options_override_scope_and_host_of_driver(self):
        loaded = self.load_one(
            self.section(
                driver='rapl', metered_host='node-7', scope='platform'
            )
        )

        self.assertEqual(('platform', 'node-7'), loaded.probes[0].probe[1:3])

    def test_probe_section_overrides_wattmeter(self):
        loaded = self.load_one(
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
                for settings in loaded.probes
            ],
        )

    def test_sum_probe_is_ignored(self):
        loaded = self.load_one(
            self.section(probes='a, b') + '[probe:both]\nsum = a, b\n'
        )

        self.assertEqual(('a', 'b'), loaded.probe_ids)

    def test_project_of_probe_is_ignored(self):
        loaded = self.load_one(
            self.section()
            + '[probe:p]\nproject_id = p1\n'
            + '[probe:other-agent]\nproject_id = p1\n'
        )

        self.assertEqual(('p',), loaded.probe_ids)

    def test_default_max_watts_depends_on_driver_and_scope(self):
        for driver, options, expected in (
            ('dummy', {}, 20_000.0),
            ('dummy', {'scope': 'inlet'}, 50_000.0),
            ('ipmi', {'host': 'bmc', 'password': SECRET}, 20_000.0),
            ('rapl', {}, 1000.0),
            ('rapl', {'scope': 'platform'}, 5000.0),
            ('power_supply', {}, 3000.0),
            ('wattsup', {'port': '/dev/ttyUSB0'}, 4000.0),
            ('wattsup', {'port': '/dev/ttyUSB0', 'scope': 'node'}, 20_000.0),
            ('wattsup', {'port': '/dev/ttyUSB0', 'max_watts': 90}, 90.0),
        ):
            loaded = self.load_one(self.section(driver=driver, **options))

            self.assertEqual(
                expected, loaded.probes[0].max_watts, (driver, options)
            )

    def test_default_max_watts_of_probe_depends_on_its_own_scope(self):
        probes = '[probe:a]\nscope = outlet\n[probe:b]\nmax_watts = 9\n'
        for section, expected in (
            (self.section(probes='a, b'), [10_000.0, 9.0]),
            (self.section(probes='a, b', max_watts=70), [70.0, 9.0]),
        ):
            loaded = self.load_one(section + probes)

            self.assertEqual(
                expected, [settings.max_watts for settings in loaded.probes]
            )

    def test_max_gap_is_at_least_three_intervals(self):
        for interval, max_gap in ((1, 60.0), (20, 60.0), (60, 180.0)):
            loaded = self.load_one(self.section(interval=interval))

            self.assertEqual(max_gap, loaded.probes[0].max_gap)

    def test_dollar_is_escaped_by_doubling(self):
        loaded = self.load_one(
            self.section(
                driver='redfish', url='https://bmc', password='$$swordfish'
            )
        )

        self.assertEqual('$swordfish', loaded.options['password'])

    def test_dollar_refers_to_another_option(self):
        loaded = self.load_one(
            self.section(
                driver='redfish',
                metered_host='${username}x$5 $$ $$$${x} ${agent.max_gap}',
                url='https://$driver',
                username='meter',
            )
        )

        self.assertEqual(
            ('meterx$5 $ $${x} 60.0', 'https://redfish'),
            (loaded.options['metered_host'], loaded.options['url']),
        )

    def test_wattmeters_are_loaded_from_all_files(self):
        wattmeters, errors = self.load(
            agent=self.section('m'), rack=self.section('n', probes='q')
        )

        self.assertEqual([], errors)
        self.assertCountEqual(['m', 'n'], [each.name for each in wattmeters])

    def test_later_file_overrides_options(self):
        (loaded,), errors = self.load(
            a=self.section('m', interval=1), b='[wattmeter:m]\ninterval = 30\n'
        )

        self.assertEqual([], errors)
        self.assertEqual(
            ('dummy', 30.0), (loaded.options['driver'], loaded.interval)
        )

    def test_other_sections_are_ignored(self):
        wattmeters, errors = self.load(
            agent='[agent]\nname = a\n[other]\nx = 1\n'
        )

        self.assertEqual(([], []), (wattmeters, errors))


class ErrorTest(WattmeterTestCase):
    def error(self, text):
        """Return the only error, without the name of the file."""
        _, errors = self.load(agent=text)
        self.assertEqual(1, len(errors), errors)
        file, _, rest = str(errors[0]).partition(': ')
        self.assertEqual(self.path / 'agent.conf', pathlib.Path(file))
        return rest

    def test_error_does_not_affect_other_wattmeters(self):
        wattmeters, errors = self.load(
            agent=self.section('bad', driver='none') + self.section('good')
        )

        self.assertEqual(['good'], [each.name for each in wattmeters])
        self.assertEqual(1, len(errors))

    def test_error_of_one_probe_does_not_affect_other_probes(self):
        (loaded,), errors = self.load(
            agent=self.section(probes='a, b, c') + '[probe:b]\nscope = x\n'
        )

        self.assertEqual(('a', None, 'c'), loaded.probe_ids)
        self.assertEqual(1, len(errors))

    def test_wattmeter_without_valid_probe_is_skipped(self):
        wattmeters, errors = self.load(
            agent=self.section(probes='a') + '[probe:a]\nscope = x\n'
        )

        self.assertEqual([], wattmeters)
        self.assertEqual(1, len(errors))

    def test_unknown_driver_is_an_error_that_lists_drivers(self):
        error = self.error(self.section(driver='dumy'))

        self.assertStartsWith(
            error, "[wattmeter:m] driver: 'dumy' is unknown; expected one of "
        )
        self.assertIn('dummy, ', error)

    def test_option_from_which_the_scope_follows_is_named(self):
        for driver, options, start in (
            ('snmp', {'profile': 'eaton-g4'}, "profile: 'eaton-g4' not found"),
            (
                'snmp',
                {'profile': 'eaton-g3', 'table': 'phases'},
                "table: profile eaton-g3 has no table 'phases'",
            ),
            (
                'snmp',
                {'profile': 'custom', 'watts_oid': 'power'},
                'watts_oid: expected an object identifier',
            ),
            ('nut', {'channels': 'ups, ups:1'}, 'channels: expected either '),
            ('nut', {'channels': 'ups:0'}, "channels: 'ups:0': expected "),
        ):
            error = self.error(
                self.section(driver=driver, host='h', **options)
            )

            self.assertStartsWith(error, f'[wattmeter:m] {start}')

    def test_missing_driver_is_an_error(self):
        self.assertIn(
            "driver: '' is unknown", self.error(self.section(driver=None))
        )

    def test_unknown_option_is_an_error_that_lists_options(self):
        error = self.error(self.section(intervall=1))

        self.assertStartsWith(
            error, '[wattmeter:m] intervall: unknown option; expected one of '
        )
        self.assertIn('interval, ', error)

    def test_invalid_value_is_an_error(self):
        for option, value in (
            ('interval', 'often'),
            ('interval', '0'),
            ('interval', '-1'),
            ('interval', 'nan'),
            ('interval', 'inf'),
            ('interval', ''),
            ('max_watts', '0'),
            ('max_watts', ''),
            ('scope', 'moon'),
            ('energy', 'both'),
            ('waveform', 'flat'),
        ):
            error = self.error(self.section(**{option: value}))

            self.assertStartsWith(error, f'[wattmeter:m] {option}: ', value)

    def test_missing_required_option_is_an_error_with_its_help(self):
        error = self.error(self.section(driver='redfish'))

        self.assertStartsWith(error, '[wattmeter:m] url: required: ')

    def test_empty_section_is_an_error(self):
        self.assertEqual(
            '[wattmeter:m] driver: the section is empty; it needs at least '
            'driver and probes',
            self.error('[wattmeter:m]\n'),
        )

    def test_missing_name_is_an_error(self):
        self.assertStartsWith(
            self.error(self.section('')), '[wattmeter:] (name): '
        )

    def test_missing_probes_are_an_error(self):
        for probes in (None, '', ', ,'):
            self.assertEqual(
                '[wattmeter:m] probes: expected at least one probe ID',
                self.error(self.section(probes=probes)),
            )

    def test_probe_listed_twice_is_an_error(self):
        self.assertEqual(
            "[wattmeter:m] probes: 'a' is listed twice",
            self.error(self.section(probes='a, b, a')),
        )

    def test_probe_of_two_wattmeters_is_an_error_that_names_both(self):
        wattmeters, (error,) = self.load(
            a=self.section('m', probes='p, q'),
            b=self.section('n', probes='r, q'),
        )

        self.assertEqual(['m'], [each.name for each in wattmeters])
        self.assertEqual(
            f"{self.path}/b.conf: [wattmeter:n] probes: 'q' is also a probe "
            f'of [wattmeter:m] in {self.path}/a.conf',
            str(error),
        )

    def test_probe_id_that_is_too_long_is_an_error(self):
        error = self.error(self.section(probes='x' * 191))

        self.assertIn('expected 1 to 190 printable characters', error)

    def test_names_that_differ_only_in_case_are_an_error(self):
        wattmeters, (error,) = self.load(
            agent=self.section('Rack') + self.section('rack', probes='q')
        )

        self.assertEqual(['Rack'], [each.name for each in wattmeters])
        self.assertIn(
            '[wattmeter:rack] (name): differs from '
            '[wattmeter:Rack] only in case',
            str(error),
        )

    def test_probe_section_without_wattmeter_is_an_error(self):
        self.assertEqual(
            '[probe:q] (name): no wattmeter has this probe',
            self.error(self.section() + '[probe:q]\nhost = h\n'),
        )

    def test_invalid_option_of_probe_is_an_error(self):
        for line, text in (
            ('hosts = h', '[probe:p] hosts: unknown option'),
            ('max_watts = x', '[probe:p] max_watts: '),
            ('sum = a', '[probe:p] sum: a sum probe has no '),
        ):
            _, errors = self.load(
                agent=self.section() + f'[probe:p]\n{line}\n'
            )

            self.assertIn(text, str(errors[0]))

    def test_reference_that_cannot_be_replaced_is_explained(self):
        for value, reason in (
            ('$nosuch', 'nosuch does not exist'),
            ('${agent.nosuch}', 'agent.nosuch does not exist'),
            ('$driver.example', 'section [driver] does not exist'),
            ('$agent', 'that is a section'),
        ):
            self.assertEqual(
                '[wattmeter:m] metered_host: a $ refers to another option, '
                f'but {reason}; write $$ for a dollar sign, and ${{name}} if '
                'a period follows the name',
                self.error(self.section(metered_host=value)),
            )

    def test_unfinished_reference_is_an_error(self):
        for value in (
            '${driver',
            'a${}',
            '$${a}${wattmeter:m.driver}',
            '${5}',
        ):
            self.assertEqual(
                '[wattmeter:m] metered_host: expected the name of another '
                'option and } after ${; write $$ for a dollar sign',
                self.error(self.section(metered_host=value)),
            )

    def test_reference_to_itself_is_an_error(self):
        self.assertEqual(
            '[wattmeter:m] metered_host: a $ in it refers to this option '
            'itself',
            self.error(self.section(metered_host='$metered_host')),
        )

    def test_error_does_not_contain_the_secret(self):
        for password in (f'${SECRET}', f'x${{{SECRET}}}'):
            error = self.error(
                self.section(
                    driver='redfish', url='https://bmc', password=password
                )
            )

            self.assertEqual(
                '[wattmeter:m] password: a $ refers to another option, but '
                'that one does not exist; write $$ for a dollar sign, and '
                '${name} if a period follows the name',
                error,
            )

    def test_error_of_another_option_does_not_contain_the_secret(self):
        error = self.error(
            self.section(
                driver='redfish',
                url='https://bmc',
                password=SECRET,
                interval='never',
            )
        )

        self.assertNotIn(SECRET, error)

    def test_placeholder_of_secret_is_an_error(self):
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
