# SPDX-License-Identifier: Apache-2.0


"""Networks of their own, and links between them that can be cut."""

import ipaddress
import itertools
import json
import os
import typing
import unittest
import uuid

from energy_meter.tests.functional.services import base

#: For tests between networks (RFC 2544): no real network uses them. What is
#: in another namespace may well have the same.
_NETWORKS = ipaddress.IPv4Network('198.18.0.0/15').subnets(new_prefix=30)

P = typing.TypeVar('P', bound=base.Process)


def _ip(*words: str) -> str:
    return base.run(['ip', *words])


class Namespace(base.Service):
    """A network of its own: nothing reaches it but through a :class:`Link`.

    A test that is not root is skipped.
    """

    def _setUp(self) -> None:
        if os.geteuid() != 0:
            raise unittest.SkipTest('network namespaces need root')
        #: As ``ip netns`` knows it.
        self.name = f'test-{uuid.uuid4().hex[:8]}'
        _ip('netns', 'add', self.name)
        self.addCleanup(_ip, 'netns', 'delete', self.name)
        _ip('-n', self.name, 'link', 'set', 'lo', 'up')

    def inside(self, *words: str) -> list[str]:
        """Give the command that runs a command in this network."""
        return ['ip', 'netns', 'exec', self.name, *words]

    def put(self, process: P) -> P:
        """Make a program, which was not started yet, run in this network.

        What the fixture itself asks it by 127.0.0.1 it can't ask any more:
        give it a condition such as :meth:`listening` to be ready by.
        """
        name, *rest = process.argv
        process.argv = self.inside(base.program(name), *rest)
        return process

    def listening(self, port: int) -> bool:
        """Tell whether a program listens on this TCP port, in here."""
        return bool(
            base.run(self.inside('ss', '-Hltn', f'sport = :{port}')).strip()
        )


class Link(base.Service):
    """A cable between two networks; nothing is routed from one to the next.

    :ivar near_address: the IPv4 address of the near end.
    :ivar far_address: that of the far end.
    """

    _numbers = itertools.count()

    def __init__(self, near: Namespace, far: Namespace) -> None:
        super().__init__()
        self._near, self._far = near, far
        self._near_end, self._far_end = (
            f'veth{next(self._numbers)}' for _ in range(2)
        )
        network = next(_NETWORKS)
        self.near_address, self.far_address = map(str, network.hosts())
        self._length = network.prefixlen

    def _setUp(self) -> None:
        _ip(
            'link',
            'add',
            self._near_end,
            'netns',
            self._near.name,
            'type',
            'veth',
            'peer',
            'name',
            self._far_end,
            'netns',
            self._far.name,
        )
        for namespace, end, address in (
            (self._near, self._near_end, self.near_address),
            (self._far, self._far_end, self.far_address),
        ):
            _ip(
                '-n',
                namespace.name,
                'address',
                'add',
                f'{address}/{self._length}',
                'dev',
                end,
            )
            _ip('-n', namespace.name, 'link', 'set', end, 'up')

    def cut(self) -> None:
        """Let nothing pass; neither side is told.

        Connections stay open: whoever waits, waits.
        """
        _ip('-n', self._far.name, 'link', 'set', self._far_end, 'down')

    def mend(self) -> None:
        """End a cut."""
        _ip('-n', self._far.name, 'link', 'set', self._far_end, 'up')

    def bytes_to_far(self) -> int:
        """Count what the near end sent so far, with all headers."""
        [end] = json.loads(
            _ip(
                '-n',
                self._near.name,
                '-s',
                '-j',
                'link',
                'show',
                self._near_end,
            )
        )
        return end['stats64']['tx']['bytes']
