# SPDX-License-Identifier: Apache-2.0

"""Tests of registers of CPU time on the bus."""

import json
import operator

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import cpu_usage
from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import authorization
from energy_meter.bus import envelope
from energy_meter.bus import fields
from energy_meter.bus import layouts
from energy_meter.tests import series
from energy_meter.tests import usages
from energy_meter.tests.unit.bus import base as bus_base
from energy_meter.tests.unit.bus import test_envelope

DESTINATION = signing.Keyring(['secret-of-the-destination'])

project_names = strategies.text(
    test_envelope.printable,
    min_size=1,
    max_size=layouts.MAX_PROJECT_NAME_LENGTH,
).filter(fields.is_id)
owners = strategies.text('09afAZ_.:@+-', max_size=64)
instances = strategies.builds(
    cpu_usage.Instance,
    strategies.uuids().map(str),
    test_envelope.ids,
    owners,
    strategies.just('') | project_names,
    owners,
    test_envelope.integers,
    test_envelope.integers,
    strategies.booleans(),
)


def layout_of(threads, memory, idle_watts, some, devices):
    """Return a layout.

    :param devices: by probe, numbers of the instances that have them; the
        others have none.
    """
    some = sorted(some)
    return cpu_usage.Layout(
        threads,
        memory,
        idle_watts,
        tuple(some),
        tuple(
            cpu_usage.Device(
                probe, some[holder].uuid if holder < len(some) else None
            )
            for probe, holder in sorted(devices.items())
        ),
    )


layouts_of_hosts = strategies.builds(
    layout_of,
    test_envelope.integers,
    test_envelope.integers,
    strategies.none() | test_envelope.numbers,
    strategies.lists(
        instances, max_size=4, unique_by=operator.attrgetter('uuid')
    ),
    strategies.dictionaries(
        strategies.sampled_from('abc'), strategies.integers(0, 4)
    ),
)


@strategies.composite
def batches_of_cpu_time(draw):
    """Draw a batch in which some registers are of CPU time."""
    measurements = draw(test_envelope.batches())
    layout = strategies.sampled_from(
        draw(strategies.lists(layouts_of_hosts, min_size=1, max_size=3))
    )
    return [
        each._replace(usage=usage(draw, draw(layout)))
        if draw(strategies.booleans())
        else each
        for each in measurements
    ]


def usage(draw, layout):
    size = len(layout.instances)
    return cpu_usage.Usage(
        layout, draw(strategies.tuples(*[test_envelope.integers] * size))
    )


def instance(**changes):
    """Return an instance of a layout, with values replaced."""
    return list(
        (
            {
                'uuid': usages.uuid(1),
                'name': 'vm-1',
                'project': 'f' * 32,
                'project_name': 'web',
                'user': '',
                'vcpus': 2,
                'memory': 2048,
                'reserved': 1,
            }
            | changes
        ).values()
    )


def cpu_register(usage=None, **changes):
    """Return a register of CPU time, as JSON, with fields replaced."""
    return {
        'probe': 'p',
        'scope': 'node',
        'host': 'p',
        'register': 'f' * 16,
        'quantity': 'cpu',
        'after': None,
        'synced': True,
        'usage': {
            'threads': 8,
            'memory': 32_768,
            'idle_watts': None,
            'instances': [instance()],
            'devices': [['gpu-1', usages.uuid(1)], ['gpu-2', None]],
        }
        | (usage or {}),
        'measurements': test_envelope.rows(value=[500, 200]),
    } | changes


def sign(*registers):
    """Return an envelope with an energy register and these."""
    content = json.loads(test_envelope.body())
    content['registers'] += registers
    return test_envelope.sign(json.dumps(content))


class RoundTripTest(base.BaseTestCase):
    @hypothesis.given(batches_of_cpu_time())
    def test_decoding_reverses_signing(self, measurements):
        signed = envelope.sign(test_envelope.KEYRING, measurements)

        received = test_envelope.decode(json.loads(json.dumps(signed)))

        self.assertEqual(
            sorted(map(repr, measurements)), sorted(map(repr, received))
        )

    def test_layout_is_sent_once(self):
        # Given many measurements with the same layout,
        measurements = [
            bus_base.make_measurement(
                elapsed=elapsed, usage=usages.usage(elapsed, 0)
            )
            for elapsed in range(1, 100)
        ]

        signed = envelope.sign(test_envelope.KEYRING, measurements)

        self.assertEqual(1, signed['body'].count('"vm-1"'))


class DecodingTest(test_envelope.EnvelopeCase):
    def test_energy_and_cpu_time_are_kept_apart(self):
        energy, cpu = envelope.decode(sign(cpu_register()))

        self.assertEqual(test_envelope.sample(), energy.measurements)
        self.assertEqual([], energy.usages)
        self.assertEqual([], cpu.measurements)
        (measured,) = cpu.usages
        self.assertEqual(500, measured.millijoules)
        self.assertEqual((200,), measured.usage.cpu)
        self.assertEqual(
            (
                cpu_usage.Device('gpu-1', usages.uuid(1)),
                cpu_usage.Device('gpu-2', None),
            ),
            measured.usage.layout.devices,
        )
        self.assertEqual(
            cpu_usage.Instance(
                usages.uuid(1), 'vm-1', 'f' * 32, 'web', '', 2, 2048, True
            ),
            measured.usage.layout.instances[0],
        )

    def test_invalid_fields_are_rejected(self):
        for changes in (
            {'probe': ''},
            {'scope': 'rack'},
            {'register': '1'},
            {'synced': 1},
            {'measurements': None},
            {'usage': None},
            {'quantity': 'energy'},
            {'quantity': 'water'},
            {'more': 1},
        ):
            self.assert_rejected('malformed', sign(cpu_register() | changes))
        for name in cpu_register():
            incomplete = cpu_register()
            del incomplete[name]
            self.assert_rejected('malformed', sign(incomplete))

    def test_register_of_energy_has_no_layout(self):
        energy = cpu_register(quantity='energy', measurements=[])

        self.assert_rejected('malformed', sign(energy))

    def test_invalid_layouts_are_rejected(self):
        for changes in (
            {'threads': -1},
            {'threads': 1.0},
            {'memory': None},
            {'idle_watts': -1},
            {'idle_watts': 2**53},
            {'idle_watts': int('9' * 20)},
            {'idle_watts': int('9' * 100)},
            {'idle_watts': '5'},
            {'instances': {}},
            {'instances': [None]},
            {'instances': [instance()[:-1]]},
            {'instances': [instance(), instance()]},
            {'instances': [instance(uuid=usages.uuid(2)), instance()]},
            {'devices': {}},
            {'devices': [None]},
            {'devices': [['gpu']]},
            {'devices': [['', None]]},
            {'devices': [[5, None]]},
            {'devices': [['gpu', usages.uuid(2)]]},
            {'devices': [['gpu', []]]},
            {'devices': [['gpu', None], ['gpu', None]]},
            {'devices': [['b', None], ['a', None]]},
            {'more': 1},
        ):
            register = cpu_register(changes, measurements=[])
            self.assert_rejected('malformed', sign(register))

    def test_invalid_instances_are_rejected(self):
        for changes in (
            {'uuid': 'F' * 8 + usages.uuid(1)[8:]},
            {'uuid': 5},
            {'uuid': usages.uuid(1) + '\n'},
            {'name': ''},
            {'name': 'a\nb'},
            {'name': 'x' * 191},
            {'project': None},
            {'project': 'a b'},
            {'project': 'a' * 65},
            {'project_name': None},
            {'project_name': 'a\nb'},
            {'project_name': ' '},
            {'project_name': 'x' * 65},
            {'user': 'é'},
            {'vcpus': -1},
            {'memory': 0.5},
            {'reserved': True},
            {'reserved': 2},
        ):
            register = cpu_register({'instances': [instance(**changes)]})
            self.assert_rejected('malformed', sign(register))

    def test_values_that_do_not_fit_to_the_layout_are_rejected(self):
        for value in (500, None, [], [500], [500, 1, 2], [500, -1], [500, '']):
            register = cpu_register(
                measurements=test_envelope.rows(value=value)
            )
            self.assert_rejected('malformed', sign(register))

    def test_too_many_devices_are_rejected(self):
        many = [
            [f'gpu-{number:04}', None]
            for number in range(layouts.MAX_INSTANCES)
        ]
        register = cpu_register({'devices': many}, measurements=[])

        self.assert_rejected('malformed', sign(register))

    def test_too_many_instances_are_rejected(self):
        many = [
            instance(uuid=usages.uuid(number))
            for number in range(layouts.MAX_INSTANCES + 1)
        ]
        register = cpu_register({'instances': many}, measurements=[])

        self.assert_rejected('malformed', sign(register))


class DivisionTest(base.BaseTestCase):
    NAME = '\U0001f50c' * 190
    LARGEST = measurement.INTEGER_LIMIT - 1

    def measure(self, count, devices=0, **changes):
        """Return a measurement of the largest size with so many instances."""
        (sample,) = test_envelope.sample()
        name, largest = self.NAME, self.LARGEST
        layout = cpu_usage.Layout(
            largest,
            largest,
            1e5 / 3,
            tuple(
                cpu_usage.Instance(
                    usages.uuid(number),
                    name,
                    'p' * 64,
                    name[: layouts.MAX_PROJECT_NAME_LENGTH],
                    'u' * 64,
                    largest,
                    largest,
                    True,
                )
                for number in range(count)
            ),
            tuple(
                cpu_usage.Device(f'{number:04}{name[4:]}', usages.uuid(0))
                for number in range(devices)
            ),
        )
        return series.change(
            sample,
            probe=measurement.Probe(name, 'node', name, name, name, name),
            after=measurement.Predecessor('0' * 16, largest),
            timestamp=largest,
            elapsed=largest,
            millijoules=largest,
            metered=largest,
            usage=cpu_usage.Usage(layout, (largest,) * count),
            **changes,
        )

    def assert_accepted(self, measurements):
        parts = list(envelope.divide(measurements))
        received = [
            each
            for part in parts
            for each in test_envelope.decode(
                envelope.sign(test_envelope.KEYRING, part)
            )
        ]
        self.assertEqual(measurements, received)
        return len(parts)

    def test_largest_layout_fits_into_an_envelope(self):
        for devices in (0, 500):
            largest = self.measure(layouts.MAX_INSTANCES - devices, devices)

            self.assertEqual(1, self.assert_accepted([largest]))
            self.assertEqual(2, self.assert_accepted([largest, largest]))

    def test_any_parts_fit_into_envelopes(self):
        # Given registers of all sizes, each of its own,
        measurements = [
            self.measure(
                count,
                devices=count // 2,
                register=measurement.RegisterKey(
                    test_envelope.AGENT, f'{number:016x}'
                ),
            )
            for number, count in enumerate((0, 1, 7, 100, 300) * 5)
        ]

        # when they are divided, then readers accept each part, of which there
        # are few.
        self.assertLess(self.assert_accepted(measurements), 6)

    def test_measurements_of_energy_are_divided_by_their_number(self):
        (sample,) = test_envelope.sample()
        parts = envelope.divide([sample] * 1001)

        self.assertEqual([500, 500, 1], [len(part) for part in parts])


class AuthorizationTest(base.BaseTestCase):
    VERIFIER = authorization.Verifier(
        ['current-secret'],
        [
            authorization.Agent(
                'other', ['its-secret'], ['reserved'], ['its-host']
            )
        ],
    )

    def verify(self, register):
        rejected = []
        registers = self.VERIFIER.verify(sign(register), rejected.append)
        return registers, [error.reason for error in rejected]

    def test_register_of_an_unauthorized_probe_is_dropped(self):
        registers, rejected = self.verify(cpu_register(probe='reserved'))

        self.assertEqual(['p'], [register.probe.id for register in registers])
        self.assertEqual(['reserved_probe'], rejected)

    def test_unauthorized_host_is_replaced(self):
        registers, rejected = self.verify(cpu_register(host='its-host'))

        self.assertEqual(['reserved_host'], rejected)
        self.assertEqual(
            ['p'], [each.probe.host for each in registers[1].usages]
        )


class ReSignTest(base.BaseTestCase):
    def re_sign(self, received):
        registers = envelope.decode(received)
        return envelope.re_sign(DESTINATION, received, registers)

    @hypothesis.given(batches_of_cpu_time())
    def test_registers_are_kept_as_received(self, measurements):
        received = envelope.sign(test_envelope.KEYRING, measurements)

        re_signed = self.re_sign(received)

        self.assertEqual(received['body'], re_signed['body'])

    def test_header_except_the_key_is_kept(self):
        received = sign()

        re_signed = self.re_sign(received)

        for name in ('version', 'agent', 'agent_name'):
            self.assertEqual(received[name], re_signed[name])
        self.assertEqual(DESTINATION.signing_key_id, re_signed['key_id'])


class PageTest(base.BaseTestCase):
    def test_page_describes_every_field(self):
        page = test_envelope.PAGE.read_text('utf-8')
        register = cpu_register()

        for name in (
            *register,
            *register['usage'],
            *cpu_usage.Instance._fields[:-1],
            'reserved',
            'cpu',
        ):
            self.assertIn(f'``{name}``', page)

    def test_example_of_the_page_is_decoded(self):
        page = test_envelope.PAGE.read_text('utf-8')
        start = page.index('{"probe": "compute-1-cpu"')
        register, _ = json.JSONDecoder().raw_decode(page[start:])

        _, decoded = envelope.decode(sign(register))

        self.assertEqual(2, len(decoded.usages[0].usage.cpu))
