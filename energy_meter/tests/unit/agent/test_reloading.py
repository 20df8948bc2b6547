# SPDX-License-Identifier: Apache-2.0

"""Mistakes in the configuration do not stop metering at a reload."""

from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import metering
from energy_meter.agent import reloading
from energy_meter.agent import wattmeter


def meter(name, *probes, interval=1.0):
    return wattmeter.Wattmeter(
        name,
        None,
        {'interval': interval},
        probes,
        tuple(
            metering.Settings(
                measurement.Probe(probe, 'node', probe, name, 'd', 'agent'),
                500.0,
                60.0,
                'auto',
                {},
            )
            for probe in probes
        ),
    )


def mistake(section, option='interval'):
    return exception.ConfigurationError(
        file='f',
        section=section,
        option=option,
        reason='wrong',
        affected=frozenset({section}),
    )


def keep(configured, errors, current):
    return reloading.keep_previous(
        configured, errors, {each.name: each for each in current}
    )


class ReloadingTest(base.BaseTestCase):
    def test_valid_configuration_replaces_the_current_one(self):
        new = [meter('m', 'p', interval=2.0), meter('o', 'r')]

        self.assertEqual(
            new, keep(new, [], [meter('m', 'p'), meter('n', 'q')])
        )

    def test_invalid_section_keeps_its_wattmeter(self):
        current = [meter('m', 'p'), meter('n', 'q')]

        kept = keep(
            [meter('n', 'q', interval=2.0)],
            [mistake('wattmeter:m')],
            current,
        )

        self.assertEqual(
            [meter('n', 'q', interval=2.0), meter('m', 'p')], kept
        )

    def test_invalid_section_of_a_new_wattmeter_is_ignored(self):
        current = [meter('m', 'p')]

        self.assertEqual(
            current, keep(current, [mistake('wattmeter:new')], current)
        )

    def test_invalid_section_of_a_probe_keeps_its_wattmeter(self):
        current = [meter('m', 'p', 'q')]
        configured = meter('m', None, 'q')._replace(
            probes=meter('m', 'q').probes
        )

        self.assertEqual(
            current, keep([configured], [mistake('probe:p')], current)
        )

    def test_probe_that_was_removed_is_not_kept_for_its_section(self):
        configured = [meter('m', 'q')]

        self.assertEqual(
            configured,
            keep(
                configured,
                [mistake('probe:p', '(name)')],
                [meter('m', 'p', 'q')],
            ),
        )

    def test_wattmeter_that_was_removed_is_not_kept_for_its_probe(self):
        self.assertEqual([], keep([], [mistake('probe:p')], [meter('m', 'p')]))

    def test_probe_that_moved_to_a_valid_wattmeter_is_metered_once(self):
        kept = keep(
            [meter('n', 'q')],
            [mistake('wattmeter:m')],
            [meter('m', 'p', 'q')],
        )

        self.assertEqual('n', kept[0].name)
        self.assertEqual(('p', None), kept[1].probe_ids)
        self.assertEqual(
            ['p'], [settings.probe.id for settings in kept[1].probes]
        )
