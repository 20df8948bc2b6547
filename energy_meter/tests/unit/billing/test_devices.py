# SPDX-License-Identifier: Apache-2.0

"""A device belongs to the instance that has it; each example by hand."""

from oslotest import base

from energy_meter import cpu_usage
from energy_meter.billing import profile
from energy_meter.tests.unit.billing import hosts

A = hosts.instance('a', vcpus=2, memory=2048)
B = hosts.instance('b', vcpus=2, memory=2048)
#: The ends of one second, and its middle.
DATES = [0, 500, 1000]


def having(start, until, *holders):
    """Return usage of A and B alike; ``holders`` of gpu-1, gpu-2 and so on."""
    devices = tuple(
        cpu_usage.Device(f'gpu-{number}', holder)
        for number, holder in enumerate(holders, 1)
    )
    host = hosts.HOST._replace(devices=devices)
    length = until - start
    return hosts.segment(start, until, length, (A, 0), (B, length), host=host)


class DevicesTest(base.BaseTestCase):
    """A host at 300 W that needs 100 W when it is idle, without devices."""

    def attribute(self, usage, boundaries=(0, 1000), **watts):
        devices = {
            f'gpu-{name[-1]}': hosts.edges(power, DATES)
            for name, power in watts.items()
        }
        found = hosts.attribute(
            hosts.edges(300, DATES), boundaries, usage, 100.0, devices
        )
        for each in found:
            self.assertEqual(each.energy.millijoules, hosts.total(each))
        return found

    def test_device_belongs_to_its_instance_and_the_rest_is_divided(self):
        [found] = self.attribute([having(0, 1000, 'a')], gpu1=120)

        # Each reserves (2/4 + 2/8) / 2 of 100 J; B computed all that is left.
        a, b = found.instances['a'], found.instances['b']
        self.assertEqual((120_000, 37_500, 0), (a.device, a.idle, a.dynamic))
        self.assertEqual((0, 37_500, 80_000), (b.device, b.idle, b.dynamic))
        self.assertEqual(157_500, a.millijoules)
        self.assertEqual('attributed', a.quality)
        self.assertEqual(100_000, found.idle)

    def test_device_that_no_instance_has_is_unallocated(self):
        [found] = self.attribute([having(0, 1000, None)], gpu1=30)

        self.assertEqual(25_000 + 30_000, found.unallocated)
        self.assertEqual(130_000, found.idle)
        self.assertEqual(170_000, found.instances['b'].dynamic)

    def test_devices_have_no_more_than_the_host(self):
        [found] = self.attribute(
            [having(0, 1000, 'a', 'b')], gpu1=200, gpu2=150
        )

        self.assertEqual(200_000, found.instances['a'].millijoules)
        self.assertEqual(100_000, found.instances['b'].millijoules)

    def test_device_follows_its_instances(self):
        # Given a device that A gives up, and that B has half a second later,
        usage = [having(0, 500, 'a'), having(500, 1000, 'b')]

        [found] = self.attribute(usage, gpu1=100)

        self.assertEqual(50_000, found.instances['a'].device)
        self.assertEqual(50_000, found.instances['b'].device)

    def test_device_is_unattributed_while_the_usage_is_not_known(self):
        [found] = self.attribute([having(0, 500, 'a')], gpu1=100)

        self.assertEqual(50_000, found.instances['a'].device)
        self.assertEqual(150_000, found.unattributed)

    def test_unknown_energy_of_a_device_is_uncertain(self):
        # Given a device whose probe is not metered,
        [found] = self.attribute([having(0, 1000, 'a')])

        # then its energy is divided like that of the host, and A may have
        # used all of it, also that for which B pays.
        a, b = found.instances['a'], found.instances['b']
        self.assertEqual((0, 0), (a.device, a.dynamic))
        self.assertEqual(200_000, b.dynamic)
        self.assertEqual(300_000, a.uncertain)
        self.assertEqual(b.millijoules, b.uncertain)
        self.assertEqual('estimated', a.quality)
        self.assertEqual('estimated', b.quality)

    def test_unknown_device_of_no_instance_makes_all_uncertain(self):
        [found] = self.attribute([having(0, 1000, None)])

        for part in found.instances.values():
            self.assertEqual(part.millijoules, part.uncertain)

    def test_device_with_a_gap_is_uncertain_in_the_gap(self):
        usage = [having(0, 50_000, 'a'), having(50_000, 100_000, 'a')]
        dates = [0, 50_000, 100_000]

        first, second = hosts.attribute(
            hosts.edges(300, dates),
            dates,
            usage,
            100.0,
            {'gpu-1': hosts.edges(100, dates, gaps=[50_000])},
        )

        self.assertEqual(5_000_000, first.instances['a'].device)
        self.assertEqual('attributed', first.instances['b'].quality)
        self.assertEqual(0, second.instances['a'].device)
        self.assertEqual(15_000_000, second.instances['a'].uncertain)
        # B used all dynamic energy, and pays three eighths of the idle energy.
        self.assertEqual(
            10_000_000 + 1_875_000, second.instances['b'].uncertain
        )

    def test_host_without_its_devices_gives_none(self):
        usage = [having(0, 1000, 'a')]
        host = hosts.edges(300, DATES)

        [found] = hosts.attribute(host, [0, 1000], usage, 100.0, None)

        a = found.instances['a']
        self.assertEqual((0, 0), (a.device, a.uncertain))

    def test_missing_mark_of_a_device_makes_both_sides_uncertain(self):
        # Given a device whose only marks are at both ends,
        host = hosts.edges(300, DATES)
        device = [
            profile.Edge(0, 0, 0, 0),
            profile.Edge(500, 50_000, 500, 50_000),
            profile.Edge(1000, 100_000, 1000, 0),
        ]
        usage = [having(0, 1000, 'a')]

        first, second = hosts.attribute(
            host, DATES, usage, 100.0, {'gpu-1': device}
        )

        # then A, and those who share the rest, know neither half.
        for each in (first, second):
            a, b = each.instances['a'], each.instances['b']
            self.assertEqual(50_000, a.device)
            self.assertGreaterEqual(a.uncertain, 50_000)
            self.assertGreater(b.uncertain, 20_000)
