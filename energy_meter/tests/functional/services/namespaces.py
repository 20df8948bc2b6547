# SPDX-License-Identifier: Apache-2.0


"""Fixtures for network namespaces and links between them."""

import ipaddress
import itertools
import json
import os
import typing
import unittest
import uuid

from energy_meter.tests.functional.services import base

#: Addresses for benchmarks between networks (RFC 2544); no real network uses
#: them. Other namespaces may use the same ones.
_NETWORKS = ipaddress.IPv4Network('198.18.0.0/15').subnets(new_prefix=30)

P = typing.TypeVar('P', bound=base.Process)


def _ip(*command: str) -> str:
    return base.run(['ip', *command])


class Namespace(base.Service):
    """A network namespace that only a :class:`Link` connects.

    Skips the test if it does not run as root.
    """

    def _setUp(self) -> None:
        if os.geteuid() != 0:
            raise unittest.SkipTest('network namespaces need root')
        #: Name for ``ip netns``.
        self.name = f'test-{uuid.uuid4().hex[:8]}'
        _ip('netns', 'add', self.name)
        self.addCleanup(_ip, 'netns', 'delete', self.name)
        _ip('-n', self.name, 'link', 'set', 'lo', 'up')

    def inside(self, *command: str) -> list[str]:
        """Return the command that runs a command in this namespace."""
        return ['ip', 'netns', 'exec', self.name, *command]

    def put(self, process: P) -> P:
        """Make a program that has not started yet run in this namespace.

        The fixture of the program can no longer reach it at 127.0.0.1, so its
        ``ready`` condition must use :meth:`listening`, for example.
        """
        name, *rest = process.argv
        process.argv = self.inside(base.program(name), *rest)
        return process

    def listening(self, port: int) -> bool:
        """Check whether a program listens on this TCP port in here."""
        return bool(
            base.run(self.inside('ss', '-Hltn', f'sport = :{port}')).strip()
        )


class Link(base.Service):
    """A link between two namespaces, without routing.

    :ivar near_address: IPv4 address of the near end.
    :ivar far_address: IPv4 address of the far end.
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
        """Drop all packets without notifying either side.

        Connections stay open.
        """
        _ip('-n', self._far.name, 'link', 'set', self._far_end, 'down')

    def mend(self) -> None:
        """Restore the link."""
        _ip('-n', self._far.name, 'link', 'set', self._far_end, 'up')

    def bytes_to_far(self) -> int:
        """Return the bytes that the near end has sent, with headers."""
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
