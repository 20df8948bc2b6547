# SPDX-License-Identifier: Apache-2.0

"""Maximum size of the cache of images."""

import os
import pathlib
from unittest import mock

import fixtures
from oslotest import base

from energy_meter.rrd.graphs import image_cache

CONTENT = b'x' * (1 << 18)


class EvictionTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(
            fixtures.MockPatchObject(image_cache, '_PUTS_PER_EVICTION', 1)
        )
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.cache = self.make()

    def make(self) -> image_cache.ImageCache:
        return image_cache.ImageCache(self.directory, 1, 0)

    def put(self, number: int) -> None:
        self.cache.put(f'probe-{number}/day.png', 'tag', CONTENT)
        os.utime(self.directory / f'probe-{number}/day.png', (0, number))

    def cached(self) -> list[int]:
        return [
            number
            for number in range(100)
            if self.cache.get(f'probe-{number}/day.png', 'tag') is not None
        ]

    def test_images_within_the_maximum_stay(self):
        for number in range(3):
            self.put(number)

        self.assertEqual([0, 1, 2], self.cached())

    def test_oldest_images_are_deleted(self):
        for number in range(100):
            self.put(number)

        self.assertEqual(99, max(self.cached()))
        self.assertLessEqual(2, len(self.cached()))
        self.assertLessEqual(len(self.cached()), 5)

    def test_images_of_other_processes_count(self):
        for number in range(8):
            self.cache = self.make()
            self.put(number)

        self.assertLessEqual(len(self.cached()), 5)

    def test_locks_stay(self):
        with self.cache.lock('probe-0/day.png'):
            for number in range(20):
                self.put(number)

        self.assertEqual(1, len(list(self.directory.glob('lock-*'))))

    def test_nothing_is_cached_without_free_space(self):
        log = self.useFixture(fixtures.FakeLogger())
        self.cache = image_cache.ImageCache(self.directory, 1, 256)
        self.useFixture(
            fixtures.MockPatch(
                'shutil.disk_usage', lambda _: mock.Mock(free=255 << 20)
            )
        )

        for _ in range(2):
            self.cache.put('probe-0/day.png', 'tag', CONTENT)

        self.assertEqual([], self.cached())
        self.assertEqual(1, log.output.count('Cannot cache a graph:'))
