# SPDX-License-Identifier: Apache-2.0

"""Concurrent clients, and the CPU time of the servers they use."""

import collections.abc
import concurrent.futures
import time
import typing

import psutil

from energy_meter.tests.functional.api import browser
from energy_meter.tests.functional.services import base

#: Prepares a request of a client, by the number of the client.
Prepare = collections.abc.Callable[[int], object]


def nothing(_client: int) -> None:
    """Prepare a request that needs nothing."""


class Usage(typing.NamedTuple):
    """What requests took.

    :ivar cpu: CPU time in ms of a request, by server.
    :ivar rate: requests in a second.
    """

    cpu: dict[str, float]
    rate: float


class Request(typing.NamedTuple):
    """What all clients request again and again.

    :ivar is_conditional: whether they have the response already.
    :ivar prepare: is called before each request.
    """

    port: int
    path: str
    is_conditional: bool = False
    prepare: Prepare = nothing

    def headers(self) -> dict[str, str]:
        """Return the headers for the response of now."""
        if not self.is_conditional:
            return {}
        tag = browser.get(self.port, self.path).headers['ETag']
        return {'If-None-Match': tag}


def run(
    request: Request,
    clients: int,
    seconds: float,
    servers: collections.abc.Mapping[str, base.Process],
) -> Usage:
    """Send requests with concurrent clients, each after its last response.

    :param seconds: after which no further request is sent.
    :param servers: whose CPU time is measured.
    :raises RuntimeError: if a response has another status.
    """
    headers = request.headers()
    before = {name: cpu_ms(each.pid) for name, each in servers.items()}
    began = time.perf_counter()

    def work(client: int) -> int:
        count = 0
        while time.perf_counter() < began + seconds:
            request.prepare(client)
            _send(request, headers)
            count += 1
        return count

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        count = sum(pool.map(work, range(clients)))
    took = time.perf_counter() - began
    return Usage(
        {
            name: (cpu_ms(each.pid) - before[name]) / count
            for name, each in servers.items()
        },
        count / took,
    )


def _send(request: Request, headers: dict[str, str]) -> None:
    """Send a request, and read the response.

    :raises RuntimeError: if it has another status.
    """
    response = browser.get(request.port, request.path, **headers)
    if response.status != (304 if headers else 200):
        raise RuntimeError(f'{request.path}: status {response.status}')


def cpu_ms(pid: int) -> float:
    """Return the CPU time of a process and its descendants."""
    total = 0.0
    for each in _family(pid):
        try:
            total += sum(each.cpu_times()[:4])
        except psutil.NoSuchProcess:
            # Its parent has its time now.
            continue
    return total * 1000


def memory(pid: int) -> float:
    """Return the memory of a process and its descendants in MiB.

    Shared memory counts once.
    """
    return sum(each.memory_full_info().pss for each in _family(pid)) / 2**20


def _family(pid: int) -> list[psutil.Process]:
    leader = psutil.Process(pid)
    return [leader, *leader.children(recursive=True)]
